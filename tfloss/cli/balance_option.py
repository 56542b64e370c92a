"""`--balance NAME`: the data terms of a formula inside of a balance."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click

from tfloss.cli import completions
from tfloss.errors import UsageError
from tfloss.registry import Registry
from tfloss.training.config import Config

balance_option: Callable[..., Any] = click.option(
    "--balance",
    metavar="NAME[:SETTINGS]",
    shell_complete=completions.names_of("balances"),
    help="Let a balance weigh the data terms: pcgrad, dwa:temperature=1; see `tfloss functions`.",
)
balances_option: Callable[..., Any] = click.option(
    "--balance",
    "balances",
    multiple=True,
    metavar="NAME[:SETTINGS]",
    shell_complete=completions.names_of("balances"),
    help="Every formula with its data terms in this balance; none: as it is; repeatable.",
)


def balanced(config: Config, balance: str | None, registry: Registry) -> Config:
    """The configuration with the formula that `--balance` stands for.

    Raises:
        UsageError, FormulaError: as `with_balance`.
    """
    if balance is None:
        return config
    from tfloss.objective.balance_shorthand import with_balance

    return config.changed(formula=with_balance(config.formula, balance, registry))


def all_balanced(
    formulas: Iterable[str], balances: Iterable[str], registry: Registry
) -> tuple[str, ...]:
    """Every formula by every balance; ranges are written out."""
    from tfloss.comparison.ranges import expand
    from tfloss.objective.balance_shorthand import with_balance

    texts = [one for text in formulas if text for one in expand(text)]
    balances = list(balances)
    return tuple(with_balance(text, one, registry) for text in texts for one in balances)


def refuse_balance(*given: str | None) -> None:
    """What is resumed has the formula that it has.

    Raises:
        UsageError: a balance was named.
    """
    if any(given):
        raise UsageError("--resume goes on with the formula as it is; leave --balance out.")
