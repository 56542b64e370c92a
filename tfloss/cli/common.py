"""What several commands share: the registry, the console, options of a training."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from tfloss.cli import completions
from tfloss.cli.streams import say
from tfloss.registry import Registry, load_registry

cache_option = click.option(
    "--cache",
    type=click.Path(path_type=Path),
    envvar="TFLOSS_CACHE",
    help="A folder in which teachers' predictions are kept.",
)

batches_option = click.option(
    "--batches",
    type=click.Choice(["shuffled", "replacement", "sequential"]),
    help="Each row once per epoch in a new order (the default), batches drawn with replacement, or "
    "the order of the data.",
)


def registry_of(context: click.Context) -> Registry:
    """The registry, with the group's options applied; problems are reported once, on stderr."""
    options = context.find_root().obj or {}
    registry = load_registry(
        no_plugins=options.get("no_plugin", ()), strict=options.get("strict", False)
    )
    for problem in registry.problems:
        say(f"Warning: {problem}", err=True)
    return registry


def print_tables(tables: list[Any]) -> None:
    """Print rich tables to stdout, as wide as the terminal, or 100 columns in a pipe."""
    import sys

    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 100)
    for table in tables:
        console.print(table)


def save_report(folder: Path, write: Callable[[], object]) -> None:
    """Write the page of what is finished; where there is no room for it, say how to get it later.

    Args:
        folder: of the run, comparison or search.
        write: writes the page.
    """
    try:
        write()
    except OSError as error:
        say(
            f"Warning: The report in '{folder}' cannot be written: {error.strerror or error}; all "
            f"else is saved, and `tfloss report {shlex.quote(str(folder))}` writes it again.",
            err=True,
        )


def warn_of_leaks(leaks: tuple[str, ...]) -> None:
    """One line on stderr where the holdout is seen, as asked for."""
    if leaks:
        from tfloss.data import leak_warning

        say(f"Warning: {leak_warning(leaks)}", err=True)


def training_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The data, the teachers and the student; None where the user gave no value."""
    return _with(_OPTIONS, command)


def loop_options(*compilers: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """How the student is trained; `compilers` are the choices of `--compile`."""
    choice = click.option("--compile", type=click.Choice(compilers), help="How steps are compiled.")
    return lambda command: _with([*_LOOP_OPTIONS, choice], command)


replicate_options = loop_options("auto", "xla", "graph")


def _with(options: Iterable[Callable[..., Any]], command: Callable[..., Any]) -> Any:
    for option in reversed(list(options)):
        command = option(command)
    return command


def _yes_no(name: str, help: str) -> Callable[..., Any]:
    return click.option(f"--{name}/--no-{name}", default=None, help=help)


_OPTIONS = [
    click.option(
        "--data",
        metavar="NAME|FILE",
        shell_complete=completions.names_of("datasets", or_file=True),
        help="A data set, or a file: .csv, .tsv, .data, .csv.gz, .parquet, .feather, .npz.",
    ),
    click.option(
        "--target",
        metavar="COLUMN[,COLUMN]",
        shell_complete=completions.columns_of_file,
        help="The file's column to predict, or several of numbers.",
    ),
    click.option(
        "--weight",
        metavar="COLUMN",
        shell_complete=completions.columns_of_file,
        help="The column of sample weights.",
    ),
    click.option(
        "--columns",
        multiple=True,
        metavar="COLUMN",
        shell_complete=completions.columns_of_file,
        help="A column that the formula may name.",
    ),
    *(
        click.option(
            f"--{name}",
            multiple=True,
            metavar="COLUMN[,COLUMN]",
            shell_complete=completions.columns_of_file,
            help=help,
        )
        for name, help in (
            ("features", "The features; default: all columns without another use."),
            ("drop", "Columns that are left out."),
            ("categories", "Features that are categories even where they look like numbers."),
            (
                "embed",
                "Categories of which the student learns a vector for each value; a number: all "
                "with more values than it.",
            ),
        )
    ),
    click.option(
        "--task",
        type=click.Choice(["classification", "regression"]),
        help="Default: by the loss, else by the target's values.",
    ),
    click.option(
        "--separator", metavar="CHARACTER", help="Of a text file: , ; tab space; default: found."
    ),
    click.option("--encoding", metavar="NAME", help="Of a text file (utf-8)."),
    _yes_no("header", "Whether a text file's first line has the columns' names; default: found."),
    click.option(
        "--decimal", type=click.Choice([",", "."]), help="Of a text file; default: found."
    ),
    click.option(
        "--train-fraction", type=click.FloatRange(0, 1, min_open=True), help="Share that trains."
    ),
    click.option("--train-size", type=click.IntRange(1), help="How many rows train."),
    click.option(
        "--test-size",
        type=click.FloatRange(0, min_open=True),
        help="Rows, or a share below 1, held out.",
    ),
    _yes_no("stratify", "Keep the classes' shares in the split (the default)."),
    click.option(
        "--scale",
        type=click.Choice(["standard", "minmax", "maxabs", "robust", "quantile", "power", "none"]),
        help="How features are scaled by the training rows: scikit-learn's scalers (standard).",
    ),
    _yes_no("bootstrap", "Draw the training rows with replacement."),
    click.option(
        "--leak",
        multiple=True,
        type=click.Choice(["overlap", "scaling"]),
        help="Let the holdout be seen, to show what that is worth: drawn from all rows, or in the "
        "scaling; repeatable.",
    ),
    click.option(
        "--class-weight",
        multiple=True,
        metavar="balanced|CLASS=WEIGHT[,…]",
        help="How much the training rows of each class count; balanced: all classes alike.",
    ),
    click.option(
        "--teacher",
        multiple=True,
        metavar="[ALIAS=]NAME[:SETTINGS]",
        shell_complete=completions.teachers,
        help="A teacher; can be repeated, each with an alias of its own.",
    ),
    click.option(
        "--network",
        "networks",
        multiple=True,
        metavar="NAME=FILE.keras",
        help="A frozen network that the formula calls, mse(vgg(prediction).block3, …); repeatable.",
    ),
    click.option(
        "--teacher-fit",
        type=click.Choice(["auto", "cross", "train"]),
        help="How a teacher answers for its own training rows: out of fold, or as it is.",
    ),
    click.option(
        "--teacher-rows", type=click.IntRange(2), help="Fit teachers on at most so many rows."
    ),
    click.option(
        "--teacher-calibrate",
        type=click.Choice(["auto", "none", "sigmoid", "isotonic", "temperature"]),
        help="How teachers' probabilities are calibrated; auto: where a teacher has none.",
    ),
    click.option(
        "--teacher-inputs",
        type=click.Choice(["auto", "scaled", "unscaled", "frame"]),
        help="What teachers see of the features: as the student, unscaled, or a data frame.",
    ),
    click.option(
        "--teacher-force", is_flag=True, default=None, help="Fit teachers even if it takes long."
    ),
    click.option(
        "--augment",
        type=click.FloatRange(0),
        metavar="TIMES",
        help="Rows to add, per training row, for the teachers to answer.",
    ),
    click.option(
        "--augment-noise",
        type=click.FloatRange(0),
        help="How far added rows are moved, in deviations of each feature (0.1).",
    ),
    click.option(
        "--model",
        metavar="NAME[:SETTINGS]",
        shell_complete=completions.models,
        help="The student: mlp:10,10, FILE.keras, MODULE:FACTORY.",
    ),
    click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Of everything random."),
    click.option(
        "--split-seed",
        type=click.IntRange(0, 2**31 - 1),
        help="Of the split alone; default: --seed.",
    ),
    _yes_no("scale-target", "Let a regressor start at the target's mean (the default)."),
    click.option(
        "--allow-negative", is_flag=True, default=None, help="Accept coefficients below zero."
    ),
]

# The settings of each that are asked for most; Keras checks the others.
_OPTIMIZERS = {
    name: ("learning_rate", "weight_decay", "clipnorm", "global_clipnorm", *own)
    for name, own in {
        "adadelta": ("rho", "epsilon"),
        "adafactor": ("beta_2_decay", "clip_threshold"),
        "adagrad": ("initial_accumulator_value", "epsilon"),
        "adam": ("beta_1", "beta_2", "epsilon", "amsgrad"),
        "adamax": ("beta_1", "beta_2", "epsilon"),
        "adamw": ("beta_1", "beta_2", "epsilon", "amsgrad"),
        "ftrl": ("learning_rate_power", "beta"),
        "lamb": ("beta_1", "beta_2", "epsilon"),
        "lion": ("beta_1", "beta_2"),
        "muon": ("momentum", "nesterov"),
        "nadam": ("beta_1", "beta_2", "epsilon"),
        "rmsprop": ("rho", "momentum", "epsilon", "centered"),
        "schedulefreeadamw": ("beta_1", "beta_2", "epsilon"),
        "sgd": ("momentum", "nesterov"),
    }.items()
}

_LOOP_OPTIONS = [
    click.option(
        "--optimizer",
        metavar="NAME[:SETTINGS]",
        shell_complete=completions.settings_of(_OPTIMIZERS),
        help="adam, sgd:learning_rate=0.05, …",
    ),
    click.option("--epochs", type=click.IntRange(1), help="Passes over the training rows."),
    click.option("--batch-size", type=click.IntRange(1), help="Rows per step."),
    batches_option,
    click.option(
        "--evaluate-every",
        type=click.IntRange(1),
        help="Epochs between evaluations on the holdout; default: 1, for many trainings a "
        "twentieth of all.",
    ),
    click.option(
        "--recipe",
        metavar="NAME",
        shell_complete=completions.names_of("recipes"),
        help="Start from a recipe; see `tfloss recipes`.",
    ),
]
