"""`tfloss evaluate`."""

from __future__ import annotations

from pathlib import Path

import click

from tfloss.cli import completions
from tfloss.cli.common import print_tables, registry_of, warn_of_leaks
from tfloss.cli.streams import say
from tfloss.io.quiet_import import import_tensorflow


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--data",
    metavar="NAME|FILE",
    shell_complete=completions.names_of("datasets", or_file=True),
    help="Other data; default: the run's own holdout.",
)
@click.option(
    "--target",
    metavar="COLUMN",
    shell_complete=completions.columns_of_file,
    help="The file's column to predict; default: the run's.",
)
@click.pass_context
def evaluate(context: click.Context, run: Path, data: str | None, target: str | None) -> None:
    """Score the student of the run in folder RUN."""
    registry = registry_of(context)
    import_tensorflow()
    from tfloss.report.tables import plain_table
    from tfloss.runs.evaluate import score_run
    from tfloss.runs.folder import read_run

    found = read_run(run)
    if data is None:
        warn_of_leaks(found.config.leak)
    scores = score_run(found, registry, data=data, target=target, on_note=_warn)
    labels = {name: metric.label or name for name, metric in registry.metrics.items()}
    for title, values in scores.items():
        rows = [(labels.get(name, name), value) for name, value in values.items()]
        print_tables([plain_table(title, ("", "student"), rows)])


def _warn(sentence: str) -> None:
    say(f"Warning: {sentence}", err=True)
