"""An epoch part by part: of a stream, or too long for one call.

A part lasts about half a second, so that a person sees that Ctrl-C is heard, and a checkpoint can
be written in the midst of an epoch that lasts an hour.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from tfloss.lazy import tf
from tfloss.training.checkpoints import Checkpoints
from tfloss.training.engine import ChunkLog, Engine, first_bad
from tfloss.training.finite import refuse_bad
from tfloss.training.history import History
from tfloss.training.position import Position
from tfloss.training.steps import Steps, Watch


class Parted(Protocol):
    """What goes over an epoch part by part."""

    @property
    def steps(self) -> Steps:
        """What changes the weights."""

    @property
    def rows(self) -> int:
        """Of an epoch."""

    def part(self, done: int, watch: Watch) -> tuple[int, Watch]:
        """Train on from step `done` of the epoch; returns how many steps are done then."""

    def digest(self) -> str:
        """Of the last batch, where it is not known from the data; '' where it is."""

    def evaluate(self, step: int) -> np.ndarray | None:
        """The total and terms on the holdout, (1, 1 + terms), or None without one."""


def epoch_in_parts(
    parted: Parted, history: History, position: Position, kept: Checkpoints | None
) -> ChunkLog:
    """Train from `position` to the end of its epoch, with checkpoints on the way."""
    steps, length = parted.steps, history.steps_per_epoch
    first = position.epoch * length
    before, done, saved = steps.snapshot(), position.steps, position.steps
    watch = steps.start(tf.constant(first + done))
    if position.sums is not None:
        watch = watch._replace(sums=tf.constant(position.sums))

    def checked() -> ChunkLog:
        bad = first_bad(watch.bad_step, watch.bad_values)
        log = ChunkLog((watch.sums.numpy() / parted.rows)[None], None, bad)
        refuse_bad(steps, log, first + saved, before)
        return log

    while done < length:
        done, watch = parted.part(done, watch)
        if kept is not None and done < length and kept.due(first + done):
            checked()
            here = Position(position.epoch, done, watch.sums.numpy())
            kept.save(steps, history, here, parted.digest())
            before, saved = steps.snapshot(), done
    log = checked()
    return ChunkLog(log.train, parted.evaluate(first + length), None)


class LongEpoch:
    """One epoch of data in memory.

    Args:
        engine: the compiled program.
        order: of the epoch's rows, (rows,).
        size: steps per part.
    """

    def __init__(self, engine: Engine, order: np.ndarray, size: int) -> None:
        self.steps, self.rows = engine, engine.rows
        self._engine, self._order, self._size = engine, order, size

    def part(self, done: int, watch: Watch) -> tuple[int, Watch]:
        rows = self._order[done * self._engine.batch_size :]
        count, watch = self._engine.run_part(rows, self._size, watch)
        return done + count, watch

    def digest(self) -> str:
        return ""

    def evaluate(self, step: int) -> np.ndarray | None:
        return self._engine.evaluate(step)
