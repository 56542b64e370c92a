"""The generic training loop: chunks of epochs, history, callbacks, and a guard against NaN."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tfloss.training.checkpoints.manager import Checkpoints
from tfloss.training.history import History
from tfloss.training.loop.callbacks import Callbacks
from tfloss.training.loop.chunk_size import steps_per_call
from tfloss.training.loop.in_memory import ChunkLog, Engine
from tfloss.training.loop.nan_guard import Guard
from tfloss.training.loop.nan_report import Batch, BatchOf
from tfloss.training.loop.progress import Position
from tfloss.training.loop.segments import LongEpoch, epoch_in_parts
from tfloss.training.loop.shuffling import BatchOrder
from tfloss.training.program.step import Care

Watcher = Callable[[History], None]

# A training that few calls could do has ten chunks nevertheless, or as many as last a tenth of a
# second each: between two of them the weights are kept, which takes a thousandth or two.
_CHUNKS = 10
_SHORTEST = 0.2  # of a call's work


def train(
    engine: Engine,
    order: BatchOrder,
    epochs: int,
    *,
    callbacks: Callbacks,
    watch: Watcher | None = None,
    kept: Checkpoints | None = None,
    guard: Guard | None = None,
    rows: np.ndarray | None = None,
) -> History:
    """Train for `epochs` epochs and return what was seen.

    Args:
        engine: the compiled program.
        order: in which order the rows are seen.
        epochs: how many passes over the training rows.
        callbacks: Keras callbacks.
        watch: called with the history after every chunk.
        kept: where checkpoints go, and where the training begins.
        guard: what to do where numbers are not finite; it stops unless said.
        rows: (n,) what the training rows are called in messages; their positions unless said.

    Raises:
        Interrupted: Ctrl-C or SIGTERM came; the last checkpoint holds everything.
        NumericsError: the loss or a weight would not be finite; the weights are those before that
            step.
    """
    guard = guard or Guard(engine)
    history = History(engine.measure.names, engine.steps_per_epoch, every=History.spacing(epochs))
    callbacks.on_train_begin()
    position = Position() if kept is None else kept.restore(engine, history, callbacks, guard)
    most = None if kept is None else kept.most_steps
    while position.epoch < epochs and not (position.ended or callbacks.want_to_stop):
        callbacks.on_epoch_begin(position.epoch)
        part = None if callbacks.see_batches else steps_per_part(engine, most)
        if position.steps or part is not None:
            part = part or engine.steps_per_epoch
            own = order.epochs(position.epoch, 1)[0]
            long = LongEpoch(engine, own, part, rows)
            log = epoch_in_parts(long, guard, history, position, kept)
        else:
            chunk = _Chunk(engine, order, position.epoch, epochs, callbacks, most)
            log = guard(chunk.run, chunk.batches(rows), watched=callbacks.see_batches)
        history.extend(position.epoch + 1, log.train, log.holdout)
        position = Position(position.epoch + len(log.train))
        callbacks.on_epoch_end(position.epoch - 1, history.latest.as_logs())
        if watch is not None:
            watch(history)
        if kept is not None and kept.due(position.step(engine.steps_per_epoch)):
            kept.save(engine, history, position)
    if kept is not None and not position.ended:
        kept.save(engine, history, replace(position, ended=True))
    history.keep_latest()
    engine.finish()
    callbacks.on_train_end()
    return history


def epochs_per_chunk(engine: Engine, epochs: int, most: int | None = None) -> int:
    """How many epochs one call trains: always the same for one program, which has their shape.

    Args:
        engine: the program.
        epochs: of the whole training.
        most: how many steps one call may take at most, where somebody has said so.
    """
    steps = steps_per_call(engine.compiled_as, engine.work_per_step, most)
    affordable = steps / engine.steps_per_epoch
    wanted = max(-(-epochs // _CHUNKS), int(_SHORTEST * affordable))
    return max(1, min(wanted, epochs, int(affordable)))


def steps_per_part(engine: Engine, most: int | None = None) -> int | None:
    """How many steps of an epoch one call goes over; None where whole epochs are short enough."""
    affordable = steps_per_call(engine.compiled_as, engine.work_per_step, most)
    return affordable if affordable < engine.steps_per_epoch else None


def chunk_batches(
    engine: Engine, order: np.ndarray, first_step: int, rows: np.ndarray | None = None
) -> BatchOf:
    """The rows of each step of a chunk; `rows` are their numbers where they come from."""

    def batch_of(step: int) -> Batch:
        epoch, number = divmod(step - first_step, engine.steps_per_epoch)
        chosen, batch = engine.batch_of(order[epoch], number)
        return Batch(chosen if rows is None else rows[chosen], batch, "the data")

    return batch_of


class _Chunk:
    """Some epochs that one call trains."""

    def __init__(
        self,
        engine: Engine,
        order: BatchOrder,
        done: int,
        epochs: int,
        callbacks: Callbacks,
        most: int | None,
    ) -> None:
        size = 1 if callbacks.see_epochs else epochs_per_chunk(engine, epochs, most)
        watched = callbacks.see_batches
        self._engine, self._callbacks = engine, callbacks
        self._count = min(size, epochs - done)
        self._first_step = done * engine.steps_per_epoch
        self._order = order.epochs(done, 1) if watched else order.epochs_in_turn(done, size)

    def run(self, care: Care | None) -> ChunkLog:
        engine, first, called = self._engine, self._first_step, self._callbacks
        if called.see_batches:
            return engine.run_watched(self._order[0], first, called, care=care or "stop")
        return engine.run(self._order, first, epochs=self._count, care=care)

    def batches(self, rows: np.ndarray | None) -> BatchOf:
        return chunk_batches(self._engine, self._order, self._first_step, rows)
