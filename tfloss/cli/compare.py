"""`tfloss compare`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from tfloss.cli import completions
from tfloss.cli.balance_option import all_balanced, balances_option, refuse_balance
from tfloss.cli.cluster import (
    RunFolder,
    asked_for,
    cluster_options,
    connect,
    ending_together,
    is_chief,
    launch_here,
)
from tfloss.cli.common import (
    cache_option,
    print_tables,
    registry_of,
    replicate_options,
    save_report,
    training_options,
    warn_of_leaks,
)
from tfloss.cli.config_sources import cli_values, resolve_values
from tfloss.cli.early_stopping_options import early_stopping_options
from tfloss.cli.streams import say
from tfloss.cluster.peers import Peers
from tfloss.cluster.workers import refuse_idle_workers
from tfloss.comparison.comparison import Comparison, default_evaluate_every, parse_reach
from tfloss.comparison.result import ComparisonResult
from tfloss.errors import UsageError
from tfloss.io.atomic import refuse_unwritable
from tfloss.io.quiet_import import import_tensorflow
from tfloss.registry import Registry
from tfloss.runs.tracking import make_trackers
from tfloss.runs.untrusted_config import refuse_code
from tfloss.student import with_networks
from tfloss.training.checkpoints.signals import Interrupts
from tfloss.training.config import Config

_OWN = ("formulas", "baseline", "seeds", "reach", "at", "one_class")


@click.command()
@click.argument("formulas", nargs=-1, metavar="FORMULA...", shell_complete=completions.formula)
@click.option("--seeds", type=click.IntRange(1), help="Trainings of each formula (200).")
@click.option(
    "--baseline",
    metavar="FORMULA",
    shell_complete=completions.formula,
    help="What the others are compared with; default: the first.",
)
@click.option(
    "--reach", multiple=True, metavar="METRIC=VALUE", help="Count the steps to a goal; repeatable."
)
@click.option(
    "--at", multiple=True, type=click.IntRange(1), help="Statistics after this epoch too."
)
@click.option(
    "--one-class",
    type=click.Choice(["skip", "redraw"]),
    help="A seed whose training rows hold one class: leave it out (the default), or draw again.",
)
@balances_option
@training_options
@replicate_options
@early_stopping_options
@click.option(
    "--config", type=click.Path(path_type=Path), help="Repeat a comparison: its config.toml."
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Go on with a comparison that was cut off, to the same results as without.",
)
@click.option(
    "--runs", type=click.Path(path_type=Path), default=Path("runs"), help="Where the folder goes."
)
@cache_option
@click.option(
    "--track",
    multiple=True,
    metavar="NAME[:SETTINGS]",
    help="tensorboard, mlflow:uri=…; each formula is reported at the end; repeatable.",
)
@cluster_options
@click.option("--quiet", is_flag=True, help="Print nothing but warnings and errors.")
@click.pass_context
def compare(
    context: click.Context,
    formulas: tuple[str, ...],
    balances: tuple[str, ...],
    recipe: str | None,
    config: Path | None,
    resume: Path | None,
    runs: Path,
    cache: Path | None,
    track: tuple[str, ...],
    devices: str | None,
    workers: str,
    worker: int | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Train formulas on the same seeds and say which differ, and how surely.

    \b
    tfloss compare "bce" "bce + 0.1*abs_kl" --teacher gpc --train-size 5
    tfloss compare "bce" "bce + {0.01..10:log:7}*binary_kl" --teacher gpc --reach accuracy=0.9
    tfloss compare "bce + kl" --balance none --balance uncertainty --balance pcgrad --teacher gpc

    A range in braces is written out: {0.1, 1, 10}, {0..1:5}, {0.01..10:log:7}.
    """
    registry = registry_of(context)
    if resume is None:
        comparison = _comparison(registry, formulas, balances, recipe, config, options)
    else:
        refuse_balance(*balances)
        comparison = _resumed(resume, formulas, recipe, config, options)
    registry = with_networks(registry, comparison.config.networks)
    comparison.check(registry)
    asked = asked_for(devices, workers, worker, splits_batches=False)
    refuse_idle_workers("seeds", comparison.seeds, asked.count)
    warn_of_leaks(comparison.config.leak)
    make_trackers(track, registry)  # refuses what is not there, before anything is trained
    refuse_unwritable(runs)
    if asked.local is not None:
        sys.exit(launch_here(context, asked.local, runs))
    peers = connect(asked)[1] if asked.elsewhere else None
    quiet = quiet or not is_chief(peers)
    place = RunFolder("compare", peers)
    with (
        ending_together(peers, place.advice),
        Interrupts(lambda sentence: say(f"\n{sentence}", err=True), wait=False),
    ):
        result = _compared(comparison, registry, runs, resume, cache, quiet, peers, place.found)
    if result is None:
        return
    results, folder = result.values, result.folder
    assert folder is not None
    from tfloss.io.atomic import write_text
    from tfloss.report.html import html_page

    save_report(folder, lambda: write_text(folder / "report.html", html_page(results)))
    if track:
        from tfloss.comparison.tracking import track_comparison

        warn = partial(say, err=True)
        track_comparison(track, comparison, results, folder, registry, warn)
    if not quiet:
        _show(results, folder)


def _resumed(
    folder: Path,
    formulas: tuple[str, ...],
    recipe: str | None,
    config: Path | None,
    options: dict[str, Any],
) -> Comparison:
    """The comparison that a folder began; nothing about it can be changed."""
    from tfloss.comparison.folder import CONFIG, unfinished_comparison

    values, origin = unfinished_comparison(folder), str(folder / CONFIG)
    given = cli_values(options)
    refuse_code(values, given, origin)
    plain = {name: list(v) if isinstance(v, tuple) else v for name, v in given.items()}
    changed = [name for name, value in plain.items() if values.get(name) != value]
    if formulas or recipe or config or changed:
        raise UsageError(
            f"--resume goes on with the comparison in '{folder}' as it is; leave formulas and "
            f"options out, or start another."
        )
    return _from_values([], values, origin)


def _comparison(
    registry: Registry,
    formulas: tuple[str, ...],
    balances: tuple[str, ...],
    recipe: str | None,
    config: Path | None,
    options: dict[str, Any],
) -> Comparison:
    """Defaults, then the recipe or the file, then the command line."""
    values, origin = resolve_values(registry, recipe, config, options)
    if formulas and not options["baseline"]:
        values.pop("baseline", None)  # of other formulas
    if balances:
        texts = formulas or values.get("formulas") or [values.get("formula", "")]
        formulas = all_balanced(texts, balances, registry)
    return _from_values(formulas, values, origin)


def _from_values(formulas: Sequence[str], values: dict[str, Any], origin: str) -> Comparison:
    """A comparison of plain values: those of a training, and its own."""
    values = dict(values)
    own = {name: values.pop(name) for name in _OWN if name in values}
    texts = list(formulas) or own.get("formulas", [])
    values["formula"] = texts[0] if texts else values.get("formula", "")
    if not values["formula"]:
        raise UsageError('No formula was given; say tfloss compare "bce" "bce + 0.1*l2".')
    values.setdefault("evaluate_every", default_evaluate_every(values.get("epochs", Config.epochs)))
    return Comparison.of(
        texts or [values["formula"]],
        Config.from_mapping(values, origin=origin),
        baseline=own.get("baseline"),
        seeds=own.get("seeds", 200),
        reach=tuple(map(parse_reach, own.get("reach", ()))),
        at=tuple(own.get("at", ())),
        one_class=own.get("one_class", "skip"),
    )


def _compared(
    comparison: Comparison,
    registry: Registry,
    runs: Path,
    resume: Path | None,
    cache: Path | None,
    quiet: bool,
    peers: Peers | None,
    on_folder: Callable[[Path], object],
) -> ComparisonResult | None:
    from tfloss.comparison.run import run_comparison

    run = partial(
        run_comparison,
        comparison,
        registry,
        runs,
        folder=resume,
        prepared=import_tensorflow,
        cache=cache,
        peers=peers,
        on_folder=on_folder,
    )
    if quiet:
        return run()
    from rich.console import Console

    from tfloss.report.comparison_progress import ComparisonProgress

    with ComparisonProgress(Console(stderr=True), sys.stderr.isatty()) as on_progress:
        return run(on_progress=on_progress)


def _show(results: dict[str, Any], folder: Path) -> None:
    from tfloss.report.comparison import comparison_tables, comparison_words

    print_tables(comparison_tables(results))
    for line in comparison_words(results):
        say(line)
    seconds = results["seconds"]
    parts = ", ".join(f"{name} {value:.1f} s" for name, value in seconds.items())
    rate = results["replicate_steps"] / max(seconds["training"], 1e-9)
    say(f"{parts}; {rate:,.0f} replicate-steps/s; saved in {folder}")
