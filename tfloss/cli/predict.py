"""`tfloss predict`."""

from __future__ import annotations

from pathlib import Path

import click

from tfloss.cli import completions
from tfloss.cli.common import registry_of
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

    text = predict_file(read_run(run), file, registry, ids=ids)
    if output is None:
        click.echo(text, nl=False)
        return
    from tfloss.io.atomic import write_text

    write_text(output, text)
    click.echo(f"{text.count(chr(10)) - 1} rows written to {output}")
