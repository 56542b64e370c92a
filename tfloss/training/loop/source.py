"""Where the rows of a training come from: what the loop asks of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

import numpy as np

from tfloss.training.loop.nan_report import BatchLookup
from tfloss.training.program.chunk_log import ChunkLog
from tfloss.training.program.step import NanPolicy, TrainState, TrainStep


class Chunk(NamedTuple):
    """Whole epochs that one call trains."""

    run: Callable[[NanPolicy | None], ChunkLog]
    batch_of: BatchLookup


class Segment(NamedTuple):
    """Some steps of one epoch that one call trains."""

    run: Callable[[NanPolicy | None], TrainState]
    batch_of: BatchLookup


class Source(Protocol):
    """The rows of a training, with the compiled programs that go over them.

    `ArraySource` has them in memory, `DatasetSource` reads a `tf.data.Dataset`.
    """

    watched: bool  # whether callbacks see every batch

    @property
    def step(self) -> TrainStep:
        """What changes the weights."""

    @property
    def rows(self) -> int:
        """Of an epoch."""

    def begin(self, done: int, state: Mapping[str, np.ndarray], max_steps: int | None) -> None:
        """Get ready to train on.

        Args:
            done: steps done before, all epochs together.
            state: what `state` gave then; empty at the beginning.
            max_steps: how many steps one call may train; None: any number.
        """

    def chunk(self, epoch: int, epochs: int, *, single: bool) -> Chunk | None:
        """The next whole epochs; None where an epoch is too long for one call.

        Args:
            epoch: epochs done.
            epochs: of the whole training.
            single: one epoch only.
        """

    def segment(self, epoch: int, done: int, state: TrainState, limit: int | None) -> Segment:
        """The next steps of an epoch.

        Args:
            epoch: epochs done.
            done: steps done of this one.
            state: at their end.
            limit: how many steps at most; None: any number.
        """

    def metrics(self) -> np.ndarray:
        """(k,) the model's own metrics since the epoch began; empty for most."""

    def evaluated(self, log: ChunkLog, step: int) -> ChunkLog:
        """The log with the values on the holdout, and with the model's own metrics."""

    def state(self) -> dict[str, np.ndarray]:
        """What a checkpoint has to keep of the source."""

    def close(self) -> None:
        """The training has ended."""
