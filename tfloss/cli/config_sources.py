"""What `tfloss train` trains: from its options, a recipe, a file, or a run that was interrupted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from tfloss.errors import UsageError
from tfloss.registry import Recipe, Registry
from tfloss.runs.untrusted_config import refuse_code
from tfloss.training.config import CHOICE, Config, read_config


def resolve_config(
    registry: Registry,
    recipe: str | None,
    config: Path | None,
    options: Mapping[str, Any],
) -> Config:
    """The training that a command line asks for."""
    values, origin = resolve_values(registry, recipe, config, options)
    return Config.from_mapping(values, origin=origin)


def resolve_values(
    registry: Registry,
    recipe: str | None,
    config: Path | None,
    options: Mapping[str, Any],
) -> tuple[dict[str, Any], str]:
    """Values of a recipe or a file, overruled by the command line; and where they come from.

    Args:
        registry: who knows recipes by name.
        recipe: its name.
        config: a run's or a comparison's `config.toml`.
        options: the command line's; None and () stand for what was not given.

    Raises:
        UsageError: both a recipe and a file, no such recipe or file, or a file that names code.
    """
    if recipe is not None and config is not None:
        raise click.UsageError("--recipe and --config were both given; choose one.")
    given = cli_values(options)
    values: dict[str, Any] = {}
    origin = "The command line"
    if recipe is not None:
        values, origin = dict(registry.get(Recipe, recipe)()), f"The recipe '{recipe}'"
    elif config is not None:
        values, origin = read_config(config), f"'{config}'"
        refuse_code(values, given, origin)
    for one, other in (("train_size", "train_fraction"), ("train_fraction", "train_size")):
        if one in given:
            values.pop(other, None)
    return values | given, origin


def cli_values(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given on the command line; names with commas are split."""
    given = {name: value for name, value in options.items() if value not in (None, ())}
    for name in CHOICE:
        if name in given:
            given[name] = tuple(part.strip() for text in given[name] for part in text.split(","))
    return given


def resumed_config(
    folder: Path, recipe: str | None, config: Path | None, options: Mapping[str, Any]
) -> Config:
    """The configuration of a run that is resumed; refuses options that would change it."""
    from tfloss.runs.folder import unfinished_run

    if recipe is not None or config is not None:
        raise click.UsageError("--resume continues a run as it is; leave --recipe/--config out.")
    recorded = unfinished_run(folder)
    given = cli_values(options)
    refuse_code(vars(recorded), given, f"The run in '{folder}'")
    asked = Config.from_mapping({**vars(recorded), **given}, origin="The command line")
    changes = [
        f"{name}: {old!r} in the run, {new!r} now"
        for name, old in vars(recorded).items()
        if (new := getattr(asked, name)) != old
    ]
    if changes:
        raise UsageError(
            f"The run in '{folder}' is another training:\n  "
            + "\n  ".join(changes)
            + "\nLeave these options out to resume it, or start another without --resume."
        )
    return recorded
