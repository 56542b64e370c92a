"""What happens where numbers stop being finite: such a step never gets into the weights.

The fast program only notices that something was not finite; looking at every weight before every
step counts would cost small networks a tenth of their speed. A chunk in which that was noticed is
undone and done again by a program that rolls back each bad step itself
(`TrainStep.guarded_step`). So the weights, the step and its rows are known exactly, and a training
without such steps pays nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tfloss.errors import NumericsError, UsageError
from tfloss.lazy import tf
from tfloss.student.keras_internals import rate_is_a_schedule
from tfloss.training.loop.nan_report import BatchLookup, diagnose, without_meaning
from tfloss.training.options import ON_NAN, OnNan, one_of
from tfloss.training.program.chunk_log import ChunkLog, log_of
from tfloss.training.program.step import NEVER, NanPolicy, TrainState, TrainStep

Run = Callable[[NanPolicy | None], ChunkLog]

_HALVINGS = 10  # of the learning rate in one training: to a thousandth


class NanGuard:
    """Stands around every call that trains.

    Args:
        steps: what trains.
        on_nan: at a step whose total, or a weight after it, is not finite: 'stop' raises, with the
            weights before that step; 'skip' leaves the step out and goes on, unless all steps are
            such, for an epoch; 'lower' goes back to the weights before the chunk and halves the
            learning rate, ten times at most, unless the data themselves are not finite.

    Attributes:
        skipped: how many steps were skipped.
        halvings: how often the learning rate was halved.

    Raises:
        UsageError: a learning rate that is a schedule cannot be lowered.
    """

    def __init__(self, steps: TrainStep, on_nan: OnNan = "stop") -> None:
        one_of("on_nan", on_nan, ON_NAN)
        self.on_nan = on_nan
        self.skipped = 0
        self.halvings = 0
        self._in_a_row = 0  # steps left out since a call with a finite one
        self._steps = steps
        if on_nan == "lower":
            _refuse_schedule(steps.optimizer)

    def __call__(self, run: Run, batch_of: BatchLookup, *, guarded: bool = False) -> ChunkLog:
        """Train a chunk.

        Args:
            run: trains it, from the weights as they are, with this policy.
            batch_of: the rows of a step of the chunk, for the message.
            guarded: guard every step from the start, since somebody looks at each.

        Raises:
            NumericsError: a step is not finite, and `on_nan` knows no way on.
        """
        before = self._steps.snapshot()
        policy: NanPolicy = "skip" if self.on_nan == "skip" else "stop"
        first = policy if guarded or self.skipped else None
        log = run(first)
        if self._finite(log, first):
            self._in_a_row = 0
            return log
        if self.on_nan == "lower":
            log = self._lowered(run, first, log, before, batch_of)
            if self._finite(log, first):
                return log
        if first is None:
            self._steps.restore(before)
            log = run(policy)
        self._in_a_row = self._in_a_row + log.rolled_back if log.rolled_back == log.steps else 0
        goes_on = policy == "skip" and self._in_a_row < self._steps.steps_per_epoch
        if log.bad is None or goes_on:
            self._count(log)
            return log
        raise NumericsError(diagnose(self._steps, log.bad, batch_of))

    def segment(
        self,
        before: TrainState,
        call: Callable[[NanPolicy | None], TrainState],
        batch_of: BatchLookup,
        *,
        guarded: bool = False,
    ) -> TrainState:
        """The same for a segment of an epoch.

        Args:
            before: the state at its beginning.
            call: trains the segment, and returns the state at its end.
            batch_of, guarded: as for a chunk.
        """
        seen = before

        def run(policy: NanPolicy | None) -> ChunkLog:
            nonlocal seen
            seen = call(policy)
            log = log_of(seen, int(before.step), np.empty(0), None)
            return replace(log, rolled_back=log.rolled_back - int(before.rolled_back))

        self(run, batch_of, guarded=guarded)
        return seen._replace(bad_step=tf.constant(NEVER))

    def state(self) -> dict[str, int]:
        """What was done so far, for a checkpoint."""
        return {
            "skipped": self.skipped,
            "halvings": self.halvings,
            "in_a_row": self._in_a_row,
        }

    def load(self, state: Mapping[str, int]) -> None:
        """Go on where another guard of the same training was."""
        self.skipped, self.halvings = state["skipped"], state["halvings"]
        self._in_a_row = state["in_a_row"]

    @property
    def events(self) -> list[str]:
        """What was done where numbers were not finite, a sentence each."""
        told = []
        if self.skipped:
            one = self.skipped == 1
            what = (
                "step was left out, since it was" if one else "steps were left out, since they were"
            )
            told.append(f"{self.skipped} {what} not finite.")
        if self.halvings:
            rate = rate_of(self._steps.optimizer)
            told.append(f"The learning rate was halved {self.halvings} times, to {rate:.3g}.")
        return told

    def _finite(self, log: ChunkLog, policy: NanPolicy | None) -> bool:
        """Nothing has been bad; under a policy the log says so by itself."""
        return log.bad is None and (policy is not None or log.finite)

    def _count(self, log: ChunkLog) -> None:
        if log.rolled_back and not self.skipped:
            warnings.warn(
                f"Step {log.bad[0] if log.bad else ''} was left out, since it is not finite, and "
                f"so will others be; how many is said at the end.",
                stacklevel=2,
            )
        self.skipped += log.rolled_back

    def _lowered(
        self, run: Run, policy: NanPolicy | None, log: ChunkLog, before: Any, batch_of: BatchLookup
    ) -> ChunkLog:
        """The chunk again, with half the learning rate; as often as it takes, or is allowed."""
        optimizer = self._steps.optimizer
        rate = rate_of(optimizer)
        while self.halvings < _HALVINGS and not _hopeless(log, batch_of):
            self.halvings += 1
            rate /= 2
            self._steps.restore(before)
            optimizer.learning_rate = rate
            warnings.warn(f"The learning rate was halved, to {rate:.3g}.", stacklevel=2)
            log = run(policy)
            if self._finite(log, policy):
                break
        return log


def rate_of(optimizer: Any) -> float:
    """The learning rate; a variable of several devices is no number by itself."""
    return float(tf.convert_to_tensor(optimizer.learning_rate))


def _hopeless(log: ChunkLog, batch_of: BatchLookup) -> bool:
    """Whether the data of the bad step are not finite, which no learning rate mends."""
    return log.bad is not None and bool(without_meaning(batch_of(log.bad[0]).batch))


def _refuse_schedule(optimizer: Any) -> None:
    if rate_is_a_schedule(optimizer):
        raise UsageError(
            "on_nan='lower' needs a learning rate that is a number; this optimizer has a schedule."
        )
