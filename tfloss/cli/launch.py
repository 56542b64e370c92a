"""`tfloss launch`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tfloss.cli.cluster import launch_command
from tfloss.cli.resumed_command import command_name
from tfloss.errors import UsageError

_COMMANDS = ("train", "compare", "search")


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option(
    "-n",
    "--workers",
    "count",
    type=click.IntRange(1, 256),
    required=True,
    help="How many processes are started on this machine.",
)
@click.option(
    "--restarts",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="How often all are started again, from the newest checkpoint, after one was lost (0).",
)
@click.option(
    "--logs",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    help="Where the folder with a log of each worker goes (runs).",
)
@click.argument("arguments", nargs=-1, required=True, metavar="-- COMMAND…")
def launch(count: int, restarts: int, logs: Path, arguments: tuple[str, ...]) -> None:
    """Start a command of tfloss as several workers on this machine.

    \b
    tfloss launch -n 4 -- train --loss "bce + 0.1*abs_kl" --teacher gpc
    tfloss launch -n 4 --restarts 3 -- train --loss ce --data digits --checkpoint-every 5m

    Each worker has a port and a log of its own; the chief's output is shown as well. The first one
    that fails ends the others; exit code 6 says that one was lost.
    """
    name = command_name(arguments)
    if name not in _COMMANDS:
        raise UsageError(f"`tfloss {name}` is no work for several processes; launch train.")
    code = launch_command(list(arguments), count, logs, restarts)
    if code:
        sys.exit(code)
