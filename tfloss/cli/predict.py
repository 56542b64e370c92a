"""`tfloss predict`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tfloss.cli import completions
from tfloss.cli.common import registry_of
from tfloss.cli.streams import say
from tfloss.display import inert
from tfloss.io.quiet_import import import_tensorflow


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("file", metavar="FILE")
@click.option(
    "--id",
    "ids",
    multiple=True,
    metavar="COLUMN",
    shell_complete=completions.columns_of_file,
    help="A column of FILE to write before the predictions; repeatable.",
)
@click.option("--output", type=click.Path(path_type=Path), help="A CSV file; default: stdout.")
@click.pass_context
def predict(
    context: click.Context, run: Path, file: str, ids: tuple[str, ...], output: Path | None
) -> None:
    """Let the student of the run in folder RUN answer for the rows of FILE, as CSV.

    FILE has the columns that the run trained on, by name; others are ignored. The answer has a row
    for each row: the predicted class and the probability of every class.
    """
    registry = registry_of(context)
    import_tensorflow()
    from tfloss.runs.evaluate import predict_file
    from tfloss.runs.folder import read_run

    def note(sentence: str) -> None:
        say(f"Warning: {sentence}", err=True)

    text = predict_file(read_run(run), file, registry, ids=ids, on_note=note)
    if output is None:  # for a program as it is; a person's terminal obeys nothing
        shown = inert(text, lines=True) if sys.stdout.isatty() else text
        click.echo(shown, nl=False, color=True)
        return
    from tfloss.io.atomic import write_text

    write_text(output, text)
    say(f"{text.count(chr(10)) - 1} rows written to {output}")
