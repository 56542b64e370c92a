"""`tfloss search`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from tfloss.cli.balance_option import balance_option, refuse_balance
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
    print_tables,
    registry_of,
    replicate_options,
    save_report,
    training_options,
    warn_of_leaks,
)
from tfloss.cli.config_sources import cli_values, resolve_values
from tfloss.cli.early_stopping_options import early_stopping_options
from tfloss.cli.resumed_command import go_on_with
from tfloss.cli.streams import say
from tfloss.cluster.peers import Peers
from tfloss.cluster.workers import refuse_idle_workers
from tfloss.errors import UsageError
from tfloss.io.quiet_import import import_tensorflow
from tfloss.registry import Registry
from tfloss.runs.untrusted_config import refuse_code
from tfloss.student import with_networks


@click.command()
@click.argument("formula", required=False)
@click.option("--trials", type=click.IntRange(1), default=50, help="In all (50).")
@click.option("--seeds", type=click.IntRange(1), help="Trainings of each trial (20).")
@click.option("--confirm", type=click.IntRange(2), help="Trainings that confirm the best (100).")
@click.option("--metric", help="What is made better (log_loss).")
@click.option(
    "--baseline",
    metavar="FORMULA",
    help="What the best is compared with; default: every range at its middle.",
)
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Of the rows that are searched on (0.5); the others confirm.",
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Go on with a search; nothing but --trials can be changed.",
)
@balance_option
@training_options
@replicate_options
@early_stopping_options
@click.option(
    "--runs", type=click.Path(path_type=Path), default=Path("runs"), help="Where the folder goes."
)
@cluster_options
@click.option("--quiet", is_flag=True, help="Print nothing but warnings and errors.")
@click.pass_context
def search(
    context: click.Context,
    formula: str | None,
    trials: int,
    balance: str | None,
    resume: Path | None,
    recipe: str | None,
    runs: Path,
    devices: str | None,
    workers: str,
    worker: int | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Search for coefficients, temperatures and learning rates, and confirm the best found.

    \b
    tfloss search "bce + {0.01..10:log}*abs_kl" --teacher gpc --train-size 5
    tfloss search "ce + {0.1..10:log}*kd(temperature={1..8})" --data digits --teacher rf \\
        --optimizer "adam:learning_rate={1e-4..1e-1:log}"

    A range stands in braces: {0..1}, {0.01..10:log}, {1, 2, 4}. With nothing in them, as in
    kd(temperature={}), they stand for the range that the setting declares.
    """
    from tfloss.comparison.search.study import PLAN, check_plan, read_plan

    registry = registry_of(context)
    given = cli_values(options)
    if resume is not None:
        refuse_balance(balance)
        plan = read_plan(resume)
        refuse_code(plan.config, given, str(resume / PLAN))
        plain = {name: list(v) if isinstance(v, tuple) else v for name, v in given.items()}
        changed = [name for name, value in plain.items() if plan.config.get(name) != value]
        if changed or formula or recipe:
            raise UsageError(
                f"--resume goes on with the search in '{resume}' as it is; leave all options but "
                f"--trials out, or start another."
            )
    else:
        plan = _plan(registry, formula, balance, recipe, given)
    registry = with_networks(registry, plan.static.networks)
    check_plan(plan, registry)
    asked = asked_for(devices, workers, worker, splits_batches=False)
    refuse_idle_workers("trials", trials, asked.count)
    warn_of_leaks(plan.static.leak)
    if asked.local is not None:
        sys.exit(launch_here(context, asked.local, runs))
    peers = connect(asked)[1] if asked.elsewhere else None
    place = RunFolder(f"search --trials {trials}", peers)
    with ending_together(peers, place.advice):
        folder = place.shared(lambda: _begun(resume, runs, plan), PLAN)
        searched = _searched(plan, folder, trials, registry, quiet or not is_chief(peers), peers)
    if searched is None:
        return
    results = searched.values
    from tfloss.io.atomic import write_text
    from tfloss.report.html import html_page

    save_report(folder, lambda: write_text(folder / "report.html", html_page(results)))
    if not quiet:
        _show(results, folder)


def _plan(
    registry: Registry,
    formula: str | None,
    balance: str | None,
    recipe: str | None,
    given: dict[str, Any],
) -> Any:
    """Defaults, then the recipe, then the command line."""
    from tfloss.comparison.ranges import rewritten
    from tfloss.comparison.search.study import Plan
    from tfloss.objective.balance_shorthand import with_balance

    values, _ = resolve_values(registry, recipe, None, given)
    own = {
        name: values.pop(name)
        for name in ("seeds", "confirm", "metric", "baseline", "share")
        if name in values
    }
    text = formula or values.get("formula", "")
    if text and balance is not None:
        text = rewritten(text, lambda one: with_balance(one, balance, registry))
    return Plan.of(text, values, registry, **own)


def _begun(resume: Path | None, runs: Path, plan: Any) -> Path:
    """The folder of the search, with its plan."""
    from tfloss.comparison.search.study import write_plan
    from tfloss.io.atomic import new_folder
    from tfloss.io.finished import sweep_finished

    if resume is not None:
        return resume
    sweep_finished(runs)
    folder = new_folder(runs, "search")
    write_plan(folder, plan)
    return folder


def _searched(
    plan: Any, folder: Path, trials: int, registry: Registry, quiet: bool, peers: Peers | None
) -> Any:
    from tfloss.comparison.search.search import run_search as run

    try:
        if quiet:
            return run(plan, folder, trials, registry, prepared=import_tensorflow, peers=peers)
        from rich.console import Console

        from tfloss.report.comparison_progress import ComparisonProgress

        with ComparisonProgress(Console(stderr=True), sys.stderr.isatty()) as on_progress:
            return run(
                *(plan, folder, trials, registry),
                on_progress=on_progress,
                prepared=import_tensorflow,
                peers=peers,
            )
    except KeyboardInterrupt:
        say(f"{go_on_with('search', folder)} --trials {trials}", err=True)
        raise


def _show(results: dict[str, Any], folder: Path) -> None:
    from tfloss.report.comparison import comparison_tables, comparison_words

    found = results["search"]
    plan = found["plan"]
    say(
        f"{found['trials']} trials, {found['pruned']} pruned, {found['failed']} failed; best is "
        f"trial {found['best']} with mean {plan['metric']} {found['value']:.4g} over "
        f"{plan['seeds']} seeds on rows that were searched on:"
    )
    for name, value in found["found"].items():
        say(f"  {name}: {value:.6g}")
    say(f"  {found['formula']}  ({found['optimizer']})")
    say("The best of many trials is the luckiest too; on rows that no trial saw:")
    print_tables(comparison_tables(results))
    for line in comparison_words(results):
        say(line)
    say(f"saved in {folder}")
