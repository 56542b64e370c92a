"""`--early-stopping` and what belongs to it, for every command that trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

_OPTIONS = (
    click.option(
        "--early-stopping",
        is_flag=True,
        default=None,
        help="Stop where rows set aside from training are no better predicted, and keep the best.",
    ),
    click.option(
        "--validation-fraction",
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        help="The share of the training rows that --early-stopping sets aside (0.1).",
    ),
    click.option(
        "--n-iter-no-change",
        type=click.IntRange(1),
        metavar="EPOCHS",
        help="How many epochs without an improvement --early-stopping waits for (10).",
    ),
)


def early_stopping_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add them to a command, in this order."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
