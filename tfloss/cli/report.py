"""`tfloss report`."""

from __future__ import annotations

from pathlib import Path

import click

from tfloss.cli.common import registry_of
from tfloss.cli.streams import say
from tfloss.errors import UsageError


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Where the page goes; RUN/report.html, or report.html for several runs, by default.",
)
@click.pass_context
def report(context: click.Context, runs: tuple[Path, ...], output: Path | None) -> None:
    """Write one HTML page about a comparison, a run, or several runs on the same data.

    The page needs no network and nothing else.
    """
    from tfloss.comparison.folder import RESULTS, read_results
    from tfloss.io.atomic import write_text
    from tfloss.report.html import html_page
    from tfloss.report.run import run_results
    from tfloss.runs.folder import read_run

    compared = [run for run in runs if (run / RESULTS).is_file()]
    if compared and len(runs) > 1:
        raise UsageError(f"'{compared[0]}' is a comparison; report it alone.")
    if compared:
        page = html_page(read_results(compared[0]))
    else:
        page = html_page(run_results([read_run(run) for run in runs], registry_of(context)))
    path = output or (runs[0] / "report.html" if len(runs) == 1 else Path("report.html"))
    try:
        write_text(path, page)
    except OSError as error:
        raise UsageError(f"'{path}' cannot be written: {error.strerror}.") from error
    say(path)
