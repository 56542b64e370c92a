"""An epoch part by part: of a stream, or too long for one call.

A part lasts about half a second, so that a person sees that Ctrl-C is heard, and a checkpoint can
be written in the midst of an epoch that lasts an hour.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from tfloss.lazy import tf
from tfloss.training.checkpoints.manager import Checkpoints
from tfloss.training.history import History
from tfloss.training.loop.in_memory import ChunkLog, Engine
from tfloss.training.loop.nan_guard import Guard
from tfloss.training.loop.nan_report import Batch
from tfloss.training.loop.progress import Position
from tfloss.training.program.step import Care, Steps, Watch


class Parted(Protocol):
    """What goes over an epoch part by part."""

    @property
    def steps(self) -> Steps:
        """What changes the weights."""

    @property
    def rows(self) -> int:
        """Of an epoch."""

    def part(self, done: int, watch: Watch, guard: Guard) -> tuple[int, Watch]:
        """Train on from step `done` of the epoch; returns how many steps are done then."""

    def digest(self) -> str:
        """Of the last batch, where it is not known from the data; '' where it is."""

    def evaluate(self, step: int) -> np.ndarray | None:
        """The total and terms on the holdout, (1, 1 + terms), or None without one."""


def epoch_in_parts(
    parted: Parted, guard: Guard, history: History, position: Position, kept: Checkpoints | None
) -> ChunkLog:
    """Train from `position` to the end of its epoch, with checkpoints on the way."""
    steps, length = parted.steps, history.steps_per_epoch
    first, done = position.epoch * length, position.steps
    watch = steps.start(tf.constant(first + done))
    if position.sums is not None:
        left_out = tf.constant(position.left_out, tf.float32)
        watch = watch._replace(sums=tf.constant(position.sums), left_out=left_out)
    while done < length:
        done, watch = parted.part(done, watch, guard)
        if kept is not None and done < length and kept.due(first + done):
            sums, left_out = watch.sums.numpy(), float(watch.left_out)
            here = Position(position.epoch, done, sums, left_out)
            kept.save(steps, history, here, parted.digest())
    averages = (watch.sums / (parted.rows - watch.left_out)).numpy()[None]
    return ChunkLog(averages, parted.evaluate(first + length), None)


class LongEpoch:
    """One epoch of data in memory.

    Args:
        engine: the compiled program.
        order: of the epoch's rows, (rows,).
        size: steps per part.
        numbers: (n,) what the rows are called in messages; their positions unless said.
    """

    def __init__(
        self, engine: Engine, order: np.ndarray, size: int, numbers: np.ndarray | None = None
    ) -> None:
        self._numbers = numbers
        self.steps, self.rows = engine, engine.rows
        self._engine, self._order, self._size = engine, order, size

    def part(self, done: int, watch: Watch, guard: Guard) -> tuple[int, Watch]:
        engine, first = self._engine, int(watch.step)
        rows = self._order[done * engine.batch_size :]

        def call(care: Care | None) -> Watch:
            return engine.run_part(rows, self._size, watch, care)[1]

        def batch_of(step: int) -> Batch:
            chosen, batch = engine.batch_of(rows, step - first)
            numbers = chosen if self._numbers is None else self._numbers[chosen]
            return Batch(numbers, batch, "the data")

        after = guard.part(watch, call, batch_of)
        return done + int(after.step) - first, after

    def digest(self) -> str:
        return ""

    def evaluate(self, step: int) -> np.ndarray | None:
        return self._engine.evaluate(step)
