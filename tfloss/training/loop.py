"""The generic training loop: chunks of epochs, history, callbacks, and a guard against NaN."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tfloss.training.batches import BatchOrder
from tfloss.training.callbacks import Callbacks
from tfloss.training.checkpoints import Checkpoints
from tfloss.training.engine import ChunkLog, Engine
from tfloss.training.finite import refuse_bad
from tfloss.training.history import History
from tfloss.training.parts import LongEpoch, epoch_in_parts
from tfloss.training.position import Position

Watcher = Callable[[History], None]

# A chunk lasts about half a second on two cores, so that a person sees progress and can stop it;
# and there are at least ten of them.
_STEPS_PER_CHUNK = {"xla": 100_000, "graph": 2_500, "steps": 100}
_MULTIPLY_ADDS_PER_CHUNK = 3e10
_CHUNKS = 10


def train(
    engine: Engine,
    order: BatchOrder,
    epochs: int,
    *,
    callbacks: Callbacks,
    watch: Watcher | None = None,
    kept: Checkpoints | None = None,
) -> History:
    """Train for `epochs` epochs and return what was seen.

    Args:
        engine: the compiled program.
        order: in which order the rows are seen.
        epochs: how many passes over the training rows.
        callbacks: Keras callbacks.
        watch: called with the history after every chunk.
        kept: where checkpoints go, and where the training begins.

    Raises:
        Interrupted: Ctrl-C or SIGTERM came; the last checkpoint holds everything.
        NumericsError: the loss or a weight stopped being finite; the weights are put back to where
            the chunk began.
    """
    history = History(engine.measure.names, engine.steps_per_epoch, every=History.spacing(epochs))
    callbacks.on_train_begin()
    position = Position() if kept is None else kept.restore(engine, history, callbacks)
    while position.epoch < epochs and not (position.ended or callbacks.want_to_stop):
        callbacks.on_epoch_begin(position.epoch)
        part = None if callbacks.see_batches else steps_per_part(engine)
        if position.steps or part is not None:
            part = part or engine.steps_per_epoch
            rows = order.epochs(position.epoch, 1)[0]
            log = epoch_in_parts(LongEpoch(engine, rows, part), history, position, kept)
        else:
            log = _guarded_chunk(engine, order, position.epoch, epochs, callbacks)
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


def epochs_per_chunk(engine: Engine, epochs: int) -> int:
    """How many epochs one call trains: always the same for one program, which has their shape."""
    affordable = _steps_per_call(engine)
    return max(1, min(-(-epochs // _CHUNKS), affordable // engine.steps_per_epoch))


def steps_per_part(engine: Engine) -> int | None:
    """How many steps of an epoch one call goes over; None where whole epochs are short enough."""
    affordable = _steps_per_call(engine)
    return affordable if affordable < engine.steps_per_epoch else None


def _steps_per_call(engine: Engine) -> int:
    affordable = min(
        _STEPS_PER_CHUNK[engine.compiled_as],
        _MULTIPLY_ADDS_PER_CHUNK / max(engine.work_per_step, 1),
    )
    return max(1, int(affordable))


def _guarded_chunk(
    engine: Engine, order: BatchOrder, done: int, epochs: int, callbacks: Callbacks
) -> ChunkLog:
    """Run a chunk; when it ends in numbers that are not finite, undo it and say where it broke."""
    size = 1 if callbacks.see_epochs else epochs_per_chunk(engine, epochs)
    count = min(size, epochs - done)
    before = engine.snapshot()
    first_step = done * engine.steps_per_epoch
    if callbacks.see_batches:
        log = engine.run_watched(order.epochs(done, 1)[0], first_step, callbacks)
    else:
        log = engine.run(order.epochs_in_turn(done, size), first_step, epochs=count)
    refuse_bad(engine, log, first_step, before)
    return log
