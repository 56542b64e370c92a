"""The command that goes on with what another began."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Any

import click

from tfloss.errors import UsageError, did_you_mean

# What does not decide the result, and what must be named again where it names code.
_KEPT = {
    *("devices", "quiet", "cache", "n_jobs", "checkpoint_every", "track", "runs", "trials"),
    *("model", "teacher"),
}


def resumed_arguments(arguments: Sequence[str], run: str) -> list[str]:
    """What goes on with a run: its configuration is in its folder.

    Args:
        arguments: of `tfloss`, which began it.
        run: its folder.
    """
    before, name, command, rest = _parsed(arguments)
    parser = command.make_parser(click.Context(command))
    given, _, _ = parser.parse_args(list(rest))
    kept = [
        text
        for option in command.params
        if isinstance(option, click.Option) and option.name in _KEPT & set(given)
        for text in _texts(option, given[option.name])
    ]
    return [*before, name, *kept, "--resume", run]


def go_on_with(command: str, folder: object) -> str:
    """The sentence at the end of what was cut off."""
    return f"Go on with: tfloss {command} --resume {shlex.quote(str(folder))}"


def command_name(arguments: Sequence[str]) -> str:
    """'train' of `tfloss --strict train …`."""
    return _parsed(arguments)[1]


def _parsed(arguments: Sequence[str]) -> tuple[list[str], str, click.Command, list[str]]:
    """The group's options, the command's name, the command, and its own arguments."""
    from tfloss.cli.main import cli

    context = click.Context(cli)
    _, rest, _ = cli.make_parser(context).parse_args(list(arguments))
    if not rest:
        raise UsageError(
            "Name a command of tfloss after --: tfloss launch -n 4 -- train --loss ce."
        )
    command = cli.get_command(context, rest[0])
    if command is None:
        raise UsageError(
            f"There is no command '{rest[0]}'.{did_you_mean(rest[0], cli.list_commands(context))}"
        )
    return list(arguments[: len(arguments) - len(rest)]), rest[0], command, rest[1:]


def _texts(option: click.Option, given: Any) -> Iterator[str]:
    for value in given if option.multiple else [given]:
        if not option.is_flag:
            yield f"{option.opts[0]}={value}"
        else:
            yield (option.opts if value else option.secondary_opts)[0]
