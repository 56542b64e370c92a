"""Rows in memory: chunks of whole epochs, or segments of an epoch that is too long for one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import numpy as np

from tfloss.training.loop.chunk_size import epochs_per_chunk, steps_per_segment
from tfloss.training.loop.in_memory import Engine
from tfloss.training.loop.nan_report import StepRows
from tfloss.training.loop.source import Chunk, Segment
from tfloss.training.program.chunk_log import ChunkLog
from tfloss.training.program.step import NanPolicy, TrainState


class Order(Protocol):
    """In which order the rows are seen."""

    def epochs(self, first: int, count: int) -> np.ndarray:
        """The row numbers of `count` epochs, (count, rows) int32."""

    def epochs_in_turn(self, first: int, count: int) -> np.ndarray:
        """The same, for calls that follow one another."""


class ArraySource:
    """The `Source` of rows in memory.

    Args:
        engine: the compiled program.
        order: in which order the rows are seen.
        row_numbers: (n,) what the rows are called in messages; default: their positions.
    """

    def __init__(self, engine: Engine, order: Order, row_numbers: np.ndarray | None = None) -> None:
        self.step, self.rows = engine, engine.rows
        self._order, self._row_numbers = order, row_numbers
        self._max_steps: int | None = None
        self._latest: tuple[int, np.ndarray] | None = None  # an epoch and its order
        self.watched = False

    def begin(self, done: int, state: Mapping[str, np.ndarray], max_steps: int | None) -> None:
        del done, state  # the order of an epoch depends on its number
        self._max_steps = max_steps

    def chunk(self, epoch: int, epochs: int, *, single: bool) -> Chunk | None:
        engine, first = self.step, epoch * self.step.steps_per_epoch
        if steps_per_segment(engine, self._max_steps) is not None:
            return None
        size = 1 if single else epochs_per_chunk(engine, epochs, self._max_steps)
        order = self._order.epochs_in_turn(epoch, size)

        def run(policy: NanPolicy | None) -> ChunkLog:
            return engine.run(order, first, epochs=min(size, epochs - epoch), policy=policy)

        def batch_of(step: int) -> StepRows:
            row, number = divmod(step - first, engine.steps_per_epoch)
            return self._step_rows(order[row], number)

        return Chunk(run, batch_of)

    def segment(self, epoch: int, done: int, state: TrainState, limit: int | None) -> Segment:
        engine, first = self.step, int(state.step) - done
        order = self._order_of(epoch)
        rows = order[done * engine.batch_size :]
        size = steps_per_segment(engine, self._max_steps) or engine.steps_per_epoch

        def run(policy: NanPolicy | None) -> TrainState:
            if limit == 1 and self.watched:  # another program, whose last bits may differ
                return engine.run_step(rows[: engine.batch_size], state, policy)
            return engine.run_part(rows, size, state, policy, limit=limit)

        return Segment(run, lambda step: self._step_rows(order, step - first))

    def metrics(self) -> np.ndarray:
        return np.empty(0, np.float32)

    def evaluated(self, log: ChunkLog, step: int) -> ChunkLog:
        return log if log.holdout is not None else replace(log, holdout=self.step.evaluate(step))

    def state(self) -> dict[str, np.ndarray]:
        return {}

    def close(self) -> None:
        pass

    def _order_of(self, epoch: int) -> np.ndarray:
        if self._latest is None or self._latest[0] != epoch:
            self._latest = epoch, self._order.epochs(epoch, 1)[0]
        return self._latest[1]

    def _step_rows(self, order: np.ndarray, number: int) -> StepRows:
        chosen, batch = self.step.batch_of(order, number)
        numbers = chosen if self._row_numbers is None else self._row_numbers[chosen]
        return StepRows(numbers, batch, "the data")
