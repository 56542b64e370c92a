"""What `tfloss train` trains: from its options, a recipe, a file, or a run that was interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tfloss.errors import UsageError
from tfloss.registry import Recipe, Registry
from tfloss.runs.untrusted_config import refuse_code
from tfloss.training.config import Config, read_config


def asked_for(
    registry: Registry,
    recipe: str | None,
    config: Path | None,
    options: dict[str, Any],
) -> Config:
    """Defaults, then the recipe or the file, then what was said on the command line."""
    values: dict[str, Any] = {}
    origin = "The command line"
    if recipe is not None and config is not None:
        raise click.UsageError("--recipe and --config were both given; choose one.")
    if recipe is not None:
        values, origin = dict(registry.get(Recipe, recipe)()), f"The recipe '{recipe}'"
    elif config is not None:
        values, origin = read_config(config), f"'{config}'"
    said = {name: value for name, value in options.items() if value not in (None, ())}
    if "train_size" in said:
        values.pop("train_fraction", None)
    if "train_fraction" in said:
        values.pop("train_size", None)
    if config is not None:
        refuse_code(values, said, origin)
    return Config.from_mapping(values | said, origin=origin)


def gone_on_with(
    folder: Path, recipe: str | None, config: Path | None, options: dict[str, Any]
) -> Config:
    """The configuration of a run that is gone on with; refuses options that would change it."""
    from tfloss.runs.folder import unfinished_run

    if recipe is not None or config is not None:
        raise click.UsageError("--resume goes on with a run as it is; leave --recipe/--config out.")
    recorded = unfinished_run(folder)
    said = {name: value for name, value in options.items() if value not in (None, ())}
    refuse_code(vars(recorded), said, f"The run in '{folder}'")
    asked = Config.from_mapping({**vars(recorded), **said}, origin="The command line")
    changes = [
        f"{name}: {old!r} in the run, {new!r} now"
        for name, old in vars(recorded).items()
        if (new := getattr(asked, name)) != old
    ]
    if changes:
        raise UsageError(
            f"The run in '{folder}' is another training:\n  "
            + "\n  ".join(changes)
            + "\nLeave these options out to go on with it, or train anew without --resume."
        )
    return recorded
