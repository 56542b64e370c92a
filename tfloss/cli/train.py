"""`tfloss train`."""

from __future__ import annotations

import contextlib
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from tfloss.cli import completions
from tfloss.cli.balance_option import balance_option, balanced, refuse_balance
from tfloss.cli.cluster import (
    asked_for,
    cluster_options,
    connect,
    ending_together,
    is_chief,
    launch_here,
)
from tfloss.cli.common import (
    cache_option,
    loop_options,
    print_tables,
    registry_of,
    save_report,
    training_options,
    warn_of_leaks,
)
from tfloss.cli.config_sources import resolve_config, resumed_config
from tfloss.cli.early_stopping_options import early_stopping_options
from tfloss.cli.resumed_command import go_on_with
from tfloss.cli.streams import say
from tfloss.cluster.launch import tell_run_folder
from tfloss.cluster.peers import Peers
from tfloss.errors import TflossError, WorkerError
from tfloss.io.atomic import refuse_unwritable
from tfloss.io.quiet_import import import_tensorflow
from tfloss.registry import Registry
from tfloss.runs.tracking import Tracking, make_trackers
from tfloss.training.checkpoints.interval import parse_interval
from tfloss.training.checkpoints.manager import Checkpoints
from tfloss.training.config import Config
from tfloss.training.history import History
from tfloss.training.loop.train_loop import OnProgress


@click.command()
@click.option(
    "--loss",
    "formula",
    metavar="FORMULA",
    shell_complete=completions.formula,
    help='What to minimise, "bce + 0.1*abs_kl" for example.',
)
@balance_option
@training_options
@loop_options("auto", "xla", "graph", "eager")
@click.option(
    "--on-nan",
    type=click.Choice(["stop", "skip", "lower"]),
    help="At a step that is not finite: stop, leave it out, or lower the learning rate.",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "mixed_float16", "mixed_bfloat16"]),
    help="What the student computes in; losses and weights are float32.",
)
@click.option(
    "--watch",
    metavar="gradients[:every=K]",
    help="Measure the gradients of the terms every K steps (10): norms, and cosines of every two.",
)
@early_stopping_options
@click.option("--config", type=click.Path(path_type=Path), help="Start from a run's config.toml.")
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Go on with a run that was interrupted, to the same result as without.",
)
@click.option(
    "--checkpoint-every",
    default="auto",
    metavar="TIME",
    help="auto (a minute, at most 1 % of the time), never, 90s, 5m, 1h, 10epochs, 1000steps.",
)
@click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    help="Where the run's folder goes.",
)
@click.option(
    "--n-jobs",
    type=int,
    metavar="N",
    help="Folds and chunks of rows that teachers work on at once; -1: one per CPU.",
)
@cache_option
@click.option(
    "--track",
    multiple=True,
    metavar="NAME[:SETTINGS]",
    shell_complete=completions.trackers,
    help="tensorboard, mlflow:uri=…; see `tfloss trackers`; repeatable.",
)
@cluster_options
@click.option("--quiet", is_flag=True, help="Print nothing but warnings and errors.")
@click.pass_context
def train(
    context: click.Context,
    balance: str | None,
    recipe: str | None,
    config: Path | None,
    resume: Path | None,
    checkpoint_every: str,
    runs: Path,
    n_jobs: int | None,
    cache: Path | None,
    track: tuple[str, ...],
    devices: str | None,
    workers: str,
    worker: int | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Train a student to minimise a formula.

    \b
    tfloss train --loss "bce + 0.1*abs_kl" --teacher gpc
    tfloss train --loss "ce + 0.5*kd(temperature=4)" --teacher rf --data digits
    tfloss train --recipe article
    tfloss train --resume runs/breast_cancer-1
    tfloss train --loss ce --data digits --workers 4
    """
    # What a shell's Tab need not wait for.
    from tfloss.student import with_networks
    from tfloss.training.preflight import check, has_networks, unused_teachers

    registry = registry_of(context)
    if resume is None:
        configuration = balanced(
            resolve_config(registry, recipe, config, options), balance, registry
        )
    else:
        refuse_balance(balance)
        configuration = resumed_config(resume, recipe, config, options)
    registry = with_networks(registry, configuration.networks)
    check(configuration, registry)
    warn_of_leaks(configuration.leak)
    for alias in unused_teachers(configuration, registry):
        _warn(
            f"Warning: No term of the formula names the teacher '{alias}': it is fitted and "
            f"scored, and teaches nothing; add kl(teacher={alias}) or the like."
        )
    parse_interval(checkpoint_every)
    asked = asked_for(devices, workers, worker)
    if asked.local is not None:
        make_trackers(track, registry)  # refuses what is not there, before workers are started
        sys.exit(launch_here(context, asked.local, runs))
    strategy, peers = None, None
    if asked.elsewhere:
        strategy, peers = connect(asked)
    if not is_chief(peers):
        quiet, track = True, ()
    trackers = make_trackers(track, registry)
    if has_networks(configuration, registry):
        import_tensorflow()
    from tfloss.runs.folder import forget_run, write_run

    made = not runs.exists()
    kept = _checkpoints(configuration, runs, resume, checkpoint_every, peers)
    reached = _Reached()
    try:
        with (
            ending_together(peers, lambda: f"{reached.text} {kept.advice}".strip()),
            kept,
            Tracking(trackers, configuration, _warn) as tracking,
        ):
            ready = _ask_teachers(configuration, registry, quiet, n_jobs, cache, kept, peers)
            import_tensorflow()
            tracking.start()
            more: dict[str, Any] = {} if strategy is None else {"strategy": strategy}
            result = _train(configuration, registry, quiet, ready, kept, tracking, reached, more)
            if not is_chief(peers):
                return
            tracking.scores(result.scores)
            from tfloss.report.run import run_description, write_run_report

            also = run_description(result, configuration.batch_size)
            folder = write_run(runs, configuration, result, kept.folder.parent, also=also)
            save_report(folder, lambda: write_run_report(folder, registry))
            kept.remove()
            tracking.finish(folder)
    except TflossError as error:
        if resume is None and kept.is_empty and not isinstance(error, WorkerError):
            forget_run(kept.folder.parent)
            if made:
                with contextlib.suppress(OSError):  # another run has begun in it meanwhile
                    runs.rmdir()
        raise
    if not quiet:
        _show(result, registry, folder)


class _Reached:
    """How far a training came, for what is said where it is cut off."""

    step = 0

    @property
    def text(self) -> str:
        return f"The last step was {self.step}." if self.step else ""

    def also(self, on_progress: OnProgress | None) -> OnProgress:
        """A progress hook that calls another one too."""

        def both(history: History) -> None:
            self.step = history.latest.step
            if on_progress is not None:
                on_progress(history)

        return both


def _warn(sentence: str) -> None:
    say(sentence, err=True)


def _checkpoints(
    configuration: Config, runs: Path, resume: Path | None, every: str, peers: Peers | None
) -> Checkpoints:
    """Those of a run that is gone on with, or of a new one, whose folder is made when it begins."""
    from tfloss.io.finished import CHECKPOINTS
    from tfloss.runs.folder import begin_run

    def tell(sentence: str) -> None:
        say(f"\n{sentence}", err=True)

    if resume is not None:
        advice = go_on_with("train", resume)
        tell_run_folder(resume)
        return Checkpoints(
            resume / CHECKPOINTS, every=every, resume=True, advice=advice, tell=tell, peers=peers
        )
    if is_chief(peers):
        refuse_unwritable(runs)

    def begin() -> Path:
        folder = begin_run(runs, configuration)
        kept.advice = go_on_with("train", folder)
        tell_run_folder(folder)
        return folder / CHECKPOINTS

    kept = Checkpoints(begin, every=every, tell=tell, peers=peers)
    return kept


def _ask_teachers(
    configuration: Config,
    registry: Registry,
    quiet: bool,
    n_jobs: int | None,
    cache: Path | None,
    kept: Checkpoints,
    peers: Peers | None,
) -> Any:
    """Load the data and ask the teachers, with a bar in a terminal."""
    from tfloss.runs.train import prepare_run

    if not quiet:
        say(f"minimising  {configuration.formula}", err=True)
    prepare = partial(
        prepare_run,
        configuration,
        registry,
        n_jobs=n_jobs,
        cache=cache,
        kept=kept,
        peers=peers,
        import_tensorflow=import_tensorflow,
        on_data=(lambda data: None) if quiet else _show_data,
    )
    if quiet or not sys.stderr.isatty() or not configuration.teacher:
        return prepare()
    from rich.console import Console

    from tfloss.report.teachers import AskingProgress

    with AskingProgress(Console(stderr=True)) as on_progress:
        return prepare(on_progress=on_progress)


def _show_data(data: Any) -> None:
    """What was understood of the data, on stderr."""
    from rich.console import Console

    from tfloss.data import understood
    from tfloss.report.tables import text_table

    console = Console(stderr=True, width=None if sys.stderr.isatty() else 100)
    console.print(text_table(data.name, ("", "what was understood"), understood(data)))


def _train(
    configuration: Config,
    registry: Registry,
    quiet: bool,
    ready: Any,
    kept: Checkpoints,
    tracking: Tracking,
    reached: _Reached,
    more: dict[str, Any],
) -> Any:
    from tfloss.runs.train import run

    more = {**more, "ready": ready, "checkpoint": kept}
    if quiet:
        return run(configuration, registry, reached.also(tracking.progress_hook), **more)
    from rich.console import Console

    from tfloss.report.progress import LiveProgress, PlainProgress

    progress: Any
    if sys.stderr.isatty():
        progress = LiveProgress(Console(stderr=True), configuration.epochs)
    else:
        progress = PlainProgress(sys.stderr, configuration.epochs)
    with progress as on_progress:
        return run(configuration, registry, reached.also(tracking.also(on_progress)), **more)


def _show(result: Any, registry: Registry, folder: Path) -> None:
    from tfloss.report.tables import result_tables
    from tfloss.report.teachers import trust_table

    labels = {name: metric.label for name, metric in registry.metrics.items()}
    trust = trust_table(result.teachers, labels)
    tables = result_tables(result.history.as_summary(), result.scores, labels)
    print_tables([*tables, *([trust] if trust else [])])
    for note in [
        result.student.note,
        *result.events,
        *result.remarks,
        *(n for t in result.teachers.values() for n in t.notes),
    ]:
        if note:
            say(note)
    say(f"Compiled as {result.compiled_as}: {result.compiled_because}.")
    seconds = result.seconds
    say(
        f"{len(result.data.train)} rows trained, {len(result.data.holdout)} held out; "
        f"teachers {seconds['teachers']:.1f} s, training {seconds['training']:.1f} s "
        f"({result.compiled_as}); run saved in {folder}"
    )
