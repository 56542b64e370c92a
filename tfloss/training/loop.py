"""The generic training loop: chunks of epochs, history, callbacks, and a guard against NaN."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tfloss.errors import NumericsError
from tfloss.training.batches import BatchOrder
from tfloss.training.callbacks import Callbacks
from tfloss.training.engine import ChunkLog, Engine
from tfloss.training.history import History
from tfloss.training.steps import Steps

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
) -> History:
    """Train for `epochs` epochs and return what was seen.

    Args:
        engine: the compiled program.
        order: in which order the rows are seen.
        epochs: how many passes over the training rows.
        callbacks: Keras callbacks.
        watch: called with the history after every chunk.

    Raises:
        NumericsError: the loss or a weight stopped being finite; the weights are put back to where
            the chunk began.
    """
    history = History(engine.measure.names, engine.steps_per_epoch, every=History.spacing(epochs))
    callbacks.on_train_begin()
    done = 0
    while done < epochs and not callbacks.want_to_stop:
        size = 1 if callbacks.see_epochs else epochs_per_chunk(engine, epochs)
        count = min(size, epochs - done)
        callbacks.on_epoch_begin(done)
        log = _guarded_chunk(engine, order, done, count, size, callbacks)
        history.extend(done + 1, log.train, log.holdout)
        done += count
        callbacks.on_epoch_end(done - 1, history.latest.as_logs())
        if watch is not None:
            watch(history)
    history.keep_latest()
    engine.finish()
    callbacks.on_train_end()
    return history


def epochs_per_chunk(engine: Engine, epochs: int) -> int:
    """How many epochs one call trains: always the same for one program, which has their shape."""
    affordable = min(
        _STEPS_PER_CHUNK[engine.compiled_as],
        _MULTIPLY_ADDS_PER_CHUNK / max(engine.work_per_step, 1),
    )
    return max(1, min(-(-epochs // _CHUNKS), int(affordable) // engine.steps_per_epoch))


def _guarded_chunk(
    engine: Engine, order: BatchOrder, done: int, count: int, size: int, callbacks: Callbacks
) -> ChunkLog:
    """Run a chunk; when it ends in numbers that are not finite, undo it and say where it broke."""
    before = engine.snapshot()
    first_step = done * engine.steps_per_epoch
    if callbacks.see_batches:
        log = engine.run_watched(order.epochs(done, 1)[0], first_step, callbacks)
    else:
        log = engine.run(order.epochs_in_turn(done, size), first_step, epochs=count)
    refuse_bad(engine, log, first_step, before)
    return log


def refuse_bad(steps: Steps, log: ChunkLog, first_step: int, before: list[np.ndarray]) -> None:
    """Put the weights back to `before` and raise, where numbers are not finite."""
    if log.bad is not None or not steps.weights_are_finite():
        steps.restore(before)
        raise NumericsError(_diagnosis(steps, log, first_step))


def _diagnosis(engine: Steps, log: ChunkLog, first_step: int) -> str:
    remedy = "Lower the learning rate or a coefficient, or check the data of that term."
    kept = f"The weights are those of step {first_step}."
    if log.bad is None:
        return f"A weight stopped being finite after step {first_step}. {kept} {remedy}"
    step, values = log.bad
    culprits = [
        name
        for name, value in zip(engine.measure.names, values[1:], strict=True)
        if not np.isfinite(value)
    ]
    named = " and ".join(f"'{name}'" for name in culprits) or "the sum of the terms"
    return f"At step {step} the value of {named} is not a finite number. {kept} {remedy}"
