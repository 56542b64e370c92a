"""`tfloss`: the group of commands, and what an error looks like."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from tfloss import __version__
from tfloss.cli.lazy_group import LazyGroup
from tfloss.cli.streams import plain_streams, say
from tfloss.errors import Interrupted, TflossError

_COMMANDS = {
    "train": ("tfloss.cli.train:train", "Train a student to minimise a formula."),
    "compare": (
        "tfloss.cli.compare:compare",
        "Compare formulas over many seeds, with intervals.",
    ),
    "launch": (
        "tfloss.cli.launch:launch",
        "Start a command as several workers on this machine.",
    ),
    "search": (
        "tfloss.cli.search:search",
        "Search for coefficients and settings, and confirm what was found.",
    ),
    "report": ("tfloss.cli.report:report", "Write an HTML page about a comparison or runs."),
    "explain": ("tfloss.cli.explain:explain", "Show what a formula means: terms, tensors, shapes."),
    "evaluate": (
        "tfloss.cli.evaluate:evaluate",
        "Score a run's student, on its holdout or on other data.",
    ),
    "predict": ("tfloss.cli.predict:predict", "Let a run's student answer for the rows of a file."),
    "export": (
        "tfloss.cli.export:export",
        "Write a run's student for Keras, TensorFlow, ONNX or LiteRT.",
    ),
    "losses": ("tfloss.cli.losses:losses", "List the losses, describe one, or draw it."),
    "functions": (
        "tfloss.cli.listings:functions",
        "List functions, schedules, balances, …",
    ),
    "teachers": ("tfloss.cli.listings:teachers", "List the teachers, or describe one."),
    "datasets": ("tfloss.cli.listings:datasets", "List the data sets."),
    "models": ("tfloss.cli.listings:models", "List the models, or describe one."),
    "metrics": ("tfloss.cli.listings:metrics", "List the metrics."),
    "recipes": ("tfloss.cli.listings:recipes", "List the recipes, or show one."),
    "trackers": ("tfloss.cli.listings:trackers", "List the trackers, or describe one."),
    "check": ("tfloss.cli.check:check", "Check losses with the conformance kit."),
    "new-plugin": ("tfloss.cli.new_plugin:new_plugin", "Write a plugin that others can install."),
    "completion": ("tfloss.cli.completion:completion", "Let bash, zsh or fish complete names."),
    "plugins": ("tfloss.cli.plugins:plugins", "List the plugins, and what is wrong with them."),
}


@click.group(
    cls=LazyGroup, lazy=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="tfloss")
@click.option("--debug", is_flag=True, help="Show Python's traceback with an error.")
@click.option(
    "--no-plugin",
    multiple=True,
    metavar="NAME",
    help="Leave a plugin out; can be repeated. Also: TFLOSS_NO_PLUGIN=a,b.",
)
@click.option(
    "--strict",
    is_flag=True,
    envvar="TFLOSS_STRICT",
    help="Stop at the first plugin with a problem, instead of warning.",
)
@click.pass_context
def cli(context: click.Context, **options: Any) -> None:
    """Write the loss as a formula; every name in it is a plugin or a tensor.

    \b
    tfloss train --loss "bce + 0.1*abs_kl" --teacher gpc
    """
    context.obj = {**(context.obj or {}), **options}


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with the error's exit code."""
    with plain_streams():
        _run(sys.argv[1:] if arguments is None else arguments)


def _run(arguments: list[str]) -> None:
    try:
        answer = cli.main(
            list(arguments),
            prog_name="tfloss",
            standalone_mode=False,
            obj={"arguments": list(arguments)},  # for those who start the same as other processes
        )
        sys.exit(answer or 0)
    except TflossError as error:
        _fail(str(error), error.exit_code, arguments)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt) as error:
        reason = error.__cause__ if isinstance(error, click.Abort) else error
        saved = reason if isinstance(reason, Interrupted) else Interrupted("Interrupted.")
        say(str(saved), err=True)
        sys.exit(saved.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _fail(message: str, exit_code: int, arguments: list[str]) -> None:
    if "--debug" in arguments:
        raise  # called while the error is being handled
    say(f"Error: {message}", err=True)
    sys.exit(exit_code)
