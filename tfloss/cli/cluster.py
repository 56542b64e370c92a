"""`--devices`, `--workers` and `--worker`: what a command that trains does with several of them."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from tfloss.cli.resumed_command import command_name, go_on_with, resumed_arguments
from tfloss.cluster.description import Cluster
from tfloss.cluster.devices import Devices, parse_devices
from tfloss.cluster.launch import Launch, tell_run_folder
from tfloss.cluster.peers import Peers, peers_of
from tfloss.cluster.strategy import (
    connect_seconds,
    make_strategy,
    refuse_devices,
    refuse_taken_port,
)
from tfloss.cluster.watch import Watch
from tfloss.cluster.workers import LocalWorkers, parse_workers
from tfloss.errors import TflossError, UsageError, WorkerError
from tfloss.io.atomic import new_folder
from tfloss.io.quiet_import import import_tensorflow

_OPTIONS = [
    click.option(
        "--devices",
        metavar="auto|N|cpu:N",
        help="All GPUs of this process, N of them, or its processor as N devices; default: one.",
    ),
    click.option(
        "--workers",
        metavar="auto|N|HOST:PORT,…",
        default="auto",
        help="Processes that share the work: what TF_CONFIG, SageMaker or SLURM say (auto, the "
        "default), N on this machine, or these addresses.",
    ),
    click.option(
        "--worker",
        type=click.IntRange(0),
        metavar="INDEX",
        help="Which of the addresses of --workers this process is, from 0.",
    ),
]


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options `--devices`, `--workers` and `--worker`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True)
class Asked:
    """What the options ask for.

    Attributes:
        cluster: the other processes, which are started by somebody else; None: none.
        local: how many processes are to be started here; None: none.
        devices: of this process; None: nothing was said.
    """

    cluster: Cluster | None
    local: LocalWorkers | None
    devices: Devices | None

    @property
    def count(self) -> int:
        """How many processes share the work."""
        several = self.cluster or self.local
        return 1 if several is None else several.count

    @property
    def elsewhere(self) -> bool:
        """Whether TensorFlow is to be told of devices or other processes."""
        return self.cluster is not None or self.devices is not None


def asked_for(
    devices: str | None, workers: str, worker: int | None, *, splits_batches: bool = True
) -> Asked:
    """Read the options, before TensorFlow is imported.

    Args:
        devices, workers, worker: as on the command line.
        splits_batches: whether the command trains on several devices at once.

    Raises:
        UsageError: what cannot be read, or not be combined.
    """
    wanted = None if devices is None else parse_devices(devices)
    found = parse_workers(workers, worker)
    cluster = found if isinstance(found, Cluster) else None
    local = found if isinstance(found, LocalWorkers) else None
    if wanted is not None and not splits_batches and wanted.count not in (None, 1):
        raise UsageError(
            f"--devices {wanted.text} splits batches, and this command divides seeds or trials "
            f"over processes: say --workers {wanted.count}."
        )
    if local is not None:
        refuse_devices(Cluster(("a:1", "b:1"), 0, "--workers"), wanted)
    refuse_devices(cluster, wanted)
    if cluster is not None:
        connect_seconds()
        refuse_taken_port(cluster)
    return Asked(cluster, local, wanted)


def connect(asked: Asked) -> tuple[Any, Peers | None]:
    """Import TensorFlow with these devices, and wait for the other workers.

    Returns:
        the strategy (None: one device trains) and the workers (None: this process is alone).
    """
    cluster = asked.cluster
    if cluster is not None:
        whom = "the chief" if cluster.is_chief else "which the chief reports on"
        click.echo(
            f"worker {cluster.index} of {cluster.count} ({cluster.addresses[cluster.index]}, by "
            f"{cluster.source}), {whom}; waiting for the others",
            err=True,
        )
    made: list[Any] = []
    with _interruptible():
        import_tensorflow(lambda: made.append(make_strategy(cluster, asked.devices)))
    return made[0], peers_of(made[0])


def is_chief(peers: Peers | None) -> bool:
    """Whether this process reports and writes."""
    return peers is None or peers.is_chief


class RunFolder:
    """The folder of what several workers do, for what is said where it is cut off.

    Args:
        command: the words that go on with it, but for --resume.
        peers: the workers; None: this process is alone.
    """

    def __init__(self, command: str, peers: Peers | None) -> None:
        self._command, self._peers = command, peers
        self._folder: Path | None = None

    def found(self, folder: Path) -> None:
        """It is there now."""
        self._folder = folder
        if is_chief(self._peers):
            tell_run_folder(folder)

    def shared(self, begin: Callable[[], Path], file: str) -> Path:
        """What the chief begins and the others see.

        Raises:
            UsageError: a worker does not see it, or what is wrong with it at the chief.
        """
        peers = self._peers
        if peers is None:
            return begin()
        folder = Path(peers.exchange("folder", str(begin()) if peers.is_chief else "")[0])
        if not (folder / file).is_file():
            raise UsageError(
                f"Worker {peers.index} does not see the chief's folder '{folder}'; put --runs on a "
                f"disk that all workers share."
            )
        self.found(folder)
        return folder

    def advice(self) -> str:
        """How to go on."""
        if self._folder is None:
            return ""
        return go_on_with(self._command, self._folder)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Meanwhile Ctrl-C ends the process at once, since TensorFlow waits without asking Python.

    What SIGTERM did before it does afterwards: TensorFlow would note it, and go on.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    if before[signal.SIGINT] is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def ending_together(peers: Peers | None, advice: Callable[[], str]) -> Iterator[None]:
    """Where one worker ends before its work is done, the others do as well.

    Args:
        peers: the workers; None: this process is alone.
        advice: says how far the training came, and how to go on.

    Raises:
        WorkerError: another is gone.
    """
    if peers is None:
        yield
        return
    from tfloss.lazy import tf

    with Watch(peers, advice):
        try:
            yield
            peers.finish()
        except WorkerError as error:
            raise WorkerError(f"{error} {advice()}") from error
        except TflossError as error:
            peers.leave(str(error))
            raise
        except KeyboardInterrupt as error:
            peers.leave(str(error) or "Interrupted.")
            raise
        except tf.errors.OpError as error:
            gone = peers.gone()
            if not gone and not isinstance(error, _lost_a_member(tf)):
                peers.leave(f"TensorFlow reports an error: {error.message}")
                raise
            why = str(error.message).partition("\n")[0]
            raise WorkerError(f"{peers.lost(gone, why)} {advice()}") from error


def _lost_a_member(tf: Any) -> tuple[type, ...]:
    """What TensorFlow raises where a collective has lost a member."""
    names = ("UnavailableError", "AbortedError", "CancelledError", "DeadlineExceededError")
    return tuple(getattr(tf.errors, name) for name in names)


def launch_here(
    context: click.Context, local: LocalWorkers, runs: Path, *, restarts: int = 0
) -> int:
    """Start the same command as so many workers on this machine; the exit code.

    Raises:
        WorkerError: one was lost.
    """
    arguments = list((context.find_root().obj or {}).get("arguments", sys.argv[1:]))
    end = arguments.index("--") if "--" in arguments else len(arguments)
    arguments[end:end] = ["--workers", "auto"]
    return launch_command(arguments, local.count, runs, restarts)


def launch_command(arguments: Sequence[str], count: int, runs: Path, restarts: int) -> int:
    """Start `tfloss ARGUMENTS` as so many workers on this machine; the exit code."""
    logs = new_folder(runs, "launch")
    click.echo(f"{count} workers on this machine; their logs are in {logs}", err=True)
    launch = Launch(
        [sys.executable, "-m", "tfloss", *arguments],
        count,
        logs,
        restarts,
        resumed=_resumed,
        advice=lambda run: advice_of(arguments, run),
        tell=lambda sentence: click.echo(sentence, err=True),
        environment=dict(os.environ),
    )
    return launch.run()


def advice_of(arguments: Sequence[str], run: str | None) -> str:
    """How far a run came, and how to go on with it."""
    if run is None:
        return "Nothing was saved yet; start it again."
    from tfloss.io.finished import CHECKPOINTS
    from tfloss.training.checkpoints.names import STEPS

    step = STEPS.newest(Path(run) / CHECKPOINTS)
    saved = f"Saved is step {step}. " if step else ""
    return saved + go_on_with(command_name(arguments), run)


def _resumed(command: Sequence[str], run: str) -> list[str]:
    """The command that goes on with a run: the same, but for where its configuration came from."""
    start, arguments = list(command[:3]), list(command[3:])
    return [*start, *resumed_arguments(arguments, run)]
