"""The command line's reference: every command and option, as click has them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import click

from tfloss.cli.main import cli
from tfloss_docs.files import Folder
from tfloss_docs.markdown import block, code, escaped, table


def write(folder: Folder) -> None:
    """One page for all commands."""
    folder.write("commands.md", "\n".join(_page()))


def commands() -> dict[str, click.Command]:
    """Every command by its name."""
    context = click.Context(cli, info_name="tfloss")
    found = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


def _page() -> Iterator[str]:
    yield from ["# Command line", ""]
    yield from [
        "Every command with every option. `tfloss COMMAND --help` prints the same; "
        '`eval "$(tfloss completion bash)"` completes names.',
        "",
    ]
    yield from ["Exit codes: 0 success, 2 usage, 3 numerics (NaN), 4 data, 5 plugin, 6 workers, "]
    yield from ["130 after Ctrl-C (128 and the signal's number).", ""]
    group = click.Context(cli, info_name="tfloss")
    yield from ["## tfloss", "", *_parameters(cli, group)]
    for name, command in commands().items():
        context = click.Context(command, info_name=name, parent=group)
        yield from [f"## tfloss {name}", ""]
        yield from block(f"tfloss {name} {' '.join(command.collect_usage_pieces(context))}", "text")
        yield from [*_help(command.help or ""), ""]
        yield from _parameters(command, context)


def _help(text: str) -> Iterator[str]:
    r"""A help text; what stands behind `\b` keeps its lines."""
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        if paragraph.startswith("\b"):
            yield from block(paragraph.lstrip("\b\n"), "sh")
        else:
            yield from [escaped(" ".join(paragraph.split())), ""]


def _parameters(command: click.Command, context: click.Context) -> list[str]:
    rows = [row for p in command.get_params(context) if (row := _row(p, context)) is not None]
    return table(("option", "what it does"), rows) if rows else []


def _row(parameter: Any, context: click.Context) -> tuple[str, str] | None:
    record = parameter.get_help_record(context)
    if record is None:
        return None
    said, text = record
    return code(said), escaped(text)
