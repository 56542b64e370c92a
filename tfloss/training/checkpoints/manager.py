"""Checkpoints in a folder, and resuming a training from the newest.

`start.npz` says what the training is (formula, data, model, …) and holds the teachers' predictions;
`step-000000003200.npz` holds all that training changes: weights, optimizer, the state of random
layers, the variables of losses, the history, what was done about NaN, and the progress. Each file
is whole and has its own digest, so that one file is all it takes to resume.
"""

from __future__ import annotations

import shutil
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from tfloss.cluster.peers import Peers
from tfloss.errors import Interrupted, UsageError
from tfloss.io.atomic import remove_leftovers
from tfloss.io.checked_npz import read_checked, write_checked
from tfloss.io.lock import FolderLock
from tfloss.training.checkpoints.fingerprint import require_same_run
from tfloss.training.checkpoints.interval import SaveInterval, SaveSchedule, parse_interval
from tfloss.training.checkpoints.names import STEPS
from tfloss.training.checkpoints.newest import read_newest
from tfloss.training.checkpoints.signals import Interrupts
from tfloss.training.history import History
from tfloss.training.loop.callbacks import Callbacks
from tfloss.training.loop.nan_guard import NanGuard
from tfloss.training.loop.progress import Progress
from tfloss.training.program.step import TrainStep

START = "start.npz"
_LAYOUT = 4  # to be raised when what is written changes


class Checkpoints:
    """The checkpoints of one training; a context that holds the folder's lock.

    Args:
        folder: where they are; or what makes the folder, once there is something to write.
        every: see `tfloss.training.checkpoints.interval.parse_interval`.
        resume: go on from the newest checkpoint, where there is one. Without it a folder that
            holds another training's checkpoints is refused.
        advice: how to go on after an interruption, a sentence.
        tell: called with a sentence when Ctrl-C was noted.
        peers: the workers of the same training; the chief writes, and all read the same.

    Attributes:
        fingerprint: what the training in the folder is; None where there is none to resume.
        source_state: of the source of rows, at the checkpoint that was restored.
        teacher_arrays: its teachers' predictions.
        compiled_as: how its programs were compiled; None where there is none to resume.
    """

    def __init__(
        self,
        folder: Path | Callable[[], Path],
        *,
        every: str = "auto",
        resume: bool = False,
        advice: str = "",
        tell: Callable[[str], None] | None = None,
        peers: Peers | None = None,
    ) -> None:
        self._folder = folder
        self._peers = peers
        self._writes = peers is None or peers.is_chief
        self._signal: int | None = None  # that came to any worker
        self._every: SaveInterval = parse_interval(every)
        self._resume = resume
        self.advice = advice
        self._interrupts = Interrupts(tell)
        self._lock: FolderLock | None = None
        self.fingerprint: dict[str, Any] | None = None
        self.teacher_arrays: dict[str, np.ndarray] = {}
        self.compiled_as: str | None = None
        self.source_state: dict[str, np.ndarray] = {}
        self._teachers: Any = {}
        self._callbacks: Callbacks | None = None
        self._guard: NanGuard | None = None

    # -- the folder ------------------------------------------------------------------------------

    def __enter__(self) -> Checkpoints:
        try:
            if isinstance(self._folder, Path) and self._folder.is_dir():
                if self._writes:
                    self._take(self._folder)
                if (self._folder / START).exists():
                    self._read_start(self._folder)
        except OSError as error:
            raise UsageError(f"'{self._folder}' cannot be used: {error.strerror}.") from error
        if self._peers is not None and self._resume:
            self._require_shared(self._peers)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._lock is not None:
            self._lock.release()

    @property
    def folder(self) -> Path:
        """Where they are; it is made by `begin`."""
        assert isinstance(self._folder, Path)
        return self._folder

    @property
    def is_empty(self) -> bool:
        """Whether the folder was made, and no checkpoint has been written into it."""
        return isinstance(self._folder, Path) and self._folder.is_dir() and not self._files()

    @property
    def teacher_metadata(self) -> Any:
        """What was recorded next to the teachers' predictions."""
        return self._teachers

    def _take(self, folder: Path) -> None:
        self._lock = FolderLock(folder, "is training")
        self._lock.acquire()
        remove_leftovers(folder)

    def _read_start(self, folder: Path) -> None:
        if not self._resume:
            if self._lock is not None:
                self._lock.release()
            raise UsageError(
                f"'{folder}' holds the checkpoints of a training; pass resume=True to resume "
                f"it, or another folder."
            )
        self.teacher_arrays, about = read_checked(folder / START)
        if about["layout"] != _LAYOUT:
            raise UsageError(f"'{folder}' was written by another version of tfloss.")
        self.fingerprint, self._teachers = about["fingerprint"], about["teachers"]
        self.compiled_as = about["compiled_as"]

    def begin(
        self,
        fingerprint: Mapping[str, Any],
        teacher_arrays: Mapping[str, np.ndarray] | None = None,
        teachers: Any = None,
        *,
        compiled_as: str | None = None,
    ) -> None:
        """Say what is trained: make the folder, or refuse to go on with another training.

        How its programs are compiled does not decide what it is, but is repeated after an
        interruption, since the last bits of the result depend on it.

        Raises:
            UsageError: the folder cannot be made or written, or holds another training; with the
                differences.
        """
        if self._peers is not None:
            self._peers.require_same(fingerprint)
        if self.fingerprint is not None:
            require_same_run(self.fingerprint, fingerprint, self.folder)
        elif self._writes:
            self._begin(fingerprint, teacher_arrays or {}, teachers or {}, compiled_as)
        if self._peers is not None:
            self.advice = self._peers.exchange("advice", self.advice)[0]

    def _begin(
        self,
        fingerprint: Mapping[str, Any],
        teacher_arrays: Mapping[str, np.ndarray],
        teachers: Any,
        compiled_as: str | None,
    ) -> None:
        try:
            if not isinstance(self._folder, Path):
                self._folder = self._folder()
            self.folder.mkdir(parents=True, exist_ok=True)
            if self._lock is None:
                self._take(self.folder)
            about = {
                "layout": _LAYOUT,
                "fingerprint": dict(fingerprint),
                "teachers": teachers,
                "compiled_as": compiled_as,
            }
            write_checked(self.folder / START, teacher_arrays, about)
        except OSError as error:
            raise UsageError(f"'{self._folder}' cannot be written: {error.strerror}.") from error

    def require_same(self, part: Mapping[str, Any]) -> None:
        """Refuse another training as soon as some of what it is is known.

        Raises:
            UsageError: with the differences.
        """
        if self.fingerprint is not None:
            require_same_run({name: self.fingerprint.get(name) for name in part}, part, self.folder)

    def _require_shared(self, peers: Peers) -> None:
        """Refuse workers that see other checkpoints than the chief.

        Raises:
            UsageError: at all of them.
        """
        newest = [0 if self.fingerprint is None else 1, STEPS.newest(self.folder)]
        seen = peers.exchange("checkpoints", str(newest))
        other = next((n for n, text in enumerate(seen) if text != seen[0]), None)
        if other is not None:
            raise UsageError(
                f"'{self.folder}' does not hold the same checkpoints at {peers.name(other)} as at "
                f"{peers.name(0)}; to resume, the run must lie on a disk that all workers share."
            )

    def remove(self) -> None:
        """The training is finished, and its results are safe elsewhere."""
        if self._lock is not None:
            self._lock.release()
            shutil.rmtree(self.folder, ignore_errors=True)

    # -- what a training does with them ----------------------------------------------------------

    @property
    def interrupts(self) -> Interrupts:
        """A context in which Ctrl-C waits for the end of a chunk."""
        return self._interrupts

    def restore(
        self,
        steps: TrainStep,
        history: History,
        callbacks: Callbacks | None = None,
        guard: NanGuard | None = None,
        *,
        initial: Progress | None = None,
    ) -> Progress:
        """Put back the newest checkpoint; returns where to go on: at `initial` without one.

        Args:
            steps: what trains.
            history: still empty.
            callbacks: those of Keras that watch, after `on_train_begin`; they are saved as well.
            guard: what it did about numbers that are not finite is saved as well.
            initial: the beginning; default: nothing done.

        Raises:
            DataError: there are checkpoints, but none of them can be read.
        """
        progress, self.source_state = initial or Progress(), {}
        self._callbacks, self._guard = callbacks, guard
        found = read_newest(self._files(), self.folder) if self.fingerprint is not None else None
        if found is not None:
            arrays, about = found
            steps.restore([arrays[f"state:{n}"] for n in range(about["variables"])])
            history.load({k[8:]: v for k, v in arrays.items() if k.startswith("history:")})
            if callbacks is not None:
                held = {k[10:]: v for k, v in arrays.items() if k.startswith("callbacks:")}
                callbacks.load(held, about["callbacks"])
            if guard is not None:
                guard.load(about["guard"])
            progress = Progress(
                about["epoch"],
                about["steps"],
                arrays.get("sums"),
                about["skipped_rows"],
                about["ended"],
            )
            self.source_state = {k[7:]: v for k, v in arrays.items() if k.startswith("source:")}
        at = progress.step(history.steps_per_epoch)
        self._schedule = SaveSchedule(self._every, history.steps_per_epoch, at)
        return progress

    @property
    def max_steps_per_call(self) -> int | None:
        """How many steps one call may train at most; None: any number."""
        return self._schedule.max_steps_per_call

    def steps_until_due(self, step: int) -> int | None:
        """How many steps may be trained before the next checkpoint; None: any number."""
        return self._schedule.steps_until_due(step)

    def should_save(self, step: int) -> bool:
        """Whether to save now; all workers are told the same."""
        due = self._schedule.should_save(step)
        self._signal = self._interrupts.signal
        if self._peers is not None:
            self._signal, due = self._peers.together(self._signal, due)
        return self._signal is not None or due

    def save(
        self,
        steps: TrainStep,
        history: History,
        progress: Progress,
        source: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Write a checkpoint; where that fails, say so and let the training go on.

        Args:
            steps: whose state is saved.
            history: what was logged so far.
            progress: where the training is.
            source: the state of the source of rows.

        Raises:
            Interrupted: somebody asked for the end; the checkpoint says how to go on.
        """
        if self._peers is None:
            self._signal = self._interrupts.signal
        started, step = time.perf_counter(), progress.step(history.steps_per_epoch)
        failed = ""
        try:
            self._write(steps, history, progress, source or {}, step)
        except OSError as error:
            failed = error.strerror or str(error)
            warnings.warn(
                f"The checkpoint of step {step} cannot be written in '{self.folder}': {failed}. "
                f"The training goes on.",
                stacklevel=2,
            )
        self._schedule.saved(step, time.perf_counter() - started)
        if self._signal is not None:
            raise Interrupted(self._goodbye(step, failed), self._signal)

    def _goodbye(self, step: int, failed: str) -> str:
        if failed:
            newest = STEPS.newest(self.folder)
            return f"Interrupted at step {step}; only step {newest} could be saved. {self.advice}"
        return f"Interrupted at step {step}; all of it is saved. {self.advice}"

    def _write(
        self,
        steps: TrainStep,
        history: History,
        progress: Progress,
        source: Mapping[str, np.ndarray],
        step: int,
    ) -> None:
        state = steps.snapshot()
        arrays = {f"state:{number}": np.asarray(values) for number, values in enumerate(state)}
        arrays |= {f"history:{name}": values for name, values in history.to_arrays().items()}
        arrays |= {f"source:{name}": values for name, values in source.items()}
        if progress.sums is not None:
            arrays["sums"] = progress.sums
        held, plain = self._callbacks.state() if self._callbacks is not None else ({}, [])
        arrays |= {f"callbacks:{name}": values for name, values in held.items()}
        about = {
            "variables": len(state),
            "callbacks": plain,
            "guard": self._guard.state() if self._guard is not None else None,
            "epoch": progress.epoch,
            "steps": progress.steps,
            "skipped_rows": progress.skipped_rows,
            "ended": progress.ended,
        }
        if self._writes:
            write_checked(STEPS.path(self.folder, step), arrays, about)
            STEPS.remove_old(self.folder)

    def _files(self) -> list[Path]:
        return STEPS.files(self.folder)
