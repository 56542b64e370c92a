"""What every training does once its rows are at hand: build the student, then run the loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tfloss.registry import Registry
from tfloss.student import Student, make_student
from tfloss.training.checkpoints.manager import Checkpoints
from tfloss.training.checkpoints.opening import defer_interrupts
from tfloss.training.history import History
from tfloss.training.loop.callbacks import Callbacks
from tfloss.training.loop.nan_guard import NanGuard
from tfloss.training.loop.source import Source
from tfloss.training.loop.train_loop import Watcher, train
from tfloss.training.options import BATCHES, COMPILE, ON_NAN, OnNan, at_least_one, one_of
from tfloss.training.program.precision import computing_in, refuse_for_built_model


class Trained(NamedTuple):
    """What the loop leaves: see `tfloss.training.result.Result`."""

    history: History
    compiled_as: str
    compiled_because: str
    events: list[str]


def check_options(*, compile: str, on_nan: str, batches: str, **counts: Any) -> None:
    """Refuse words that are not known, and counts below 1.

    Raises:
        UsageError: with what is known.
    """
    at_least_one(**counts)
    one_of("compile", compile, COMPILE)
    one_of("on_nan", on_nan, ON_NAN)
    one_of("batches", batches, BATCHES)


def student_of(
    model: str | Student | Any,
    *,
    inputs: int,
    outputs: int,
    registry: Registry,
    seed: int,
    precision: str,
) -> Student:
    """The student, built in this precision or taken as it is.

    Raises:
        UsageError: an unknown model, one that does not fit the data, or a precision for a model
            that exists already.
    """
    sizes: dict[str, Any] = {"inputs": inputs, "outputs": outputs}
    if isinstance(model, str):
        with computing_in(precision):
            return make_student(model, **sizes, registry=registry, seed=seed)
    refuse_for_built_model(precision)
    if isinstance(model, Student):
        return model
    return make_student(model, **sizes, registry=registry, seed=seed)


def run_loop(
    source: Source,
    epochs: int,
    *,
    model: Any,
    callbacks: Sequence[Any],
    on_nan: OnNan,
    watch: Watcher | None,
    checkpoints: Checkpoints | None,
    fingerprint: Mapping[str, Any],
    teachers: tuple[dict[str, np.ndarray], Any] = ({}, None),
) -> Trained:
    """Train, with the guard, callbacks and checkpoints.

    Args:
        source: the rows, with the programs that train on them.
        epochs: how many.
        model: the Keras model that callbacks see.
        callbacks: of Keras.
        on_nan: at a step that is not finite.
        watch: called with the history after every chunk.
        checkpoints: where they are saved, and where the training begins; None: not at all.
        fingerprint: what the training is, for the checkpoints.
        teachers: what `tfloss.training.checkpoints.teachers.to_arrays` made of them.
    """
    step = source.step
    guard = NanGuard(step, on_nan)
    called = Callbacks(callbacks, model, step.optimizer)
    if checkpoints is not None:
        whole = {**fingerprint, "callbacks": called.kinds}
        checkpoints.begin(whole, *teachers, compiled_as=step.choice.compiled_as)
    with defer_interrupts(checkpoints):
        history = train(
            source, epochs, callbacks=called, watch=watch, checkpoints=checkpoints, guard=guard
        )
    if called.see_batches:
        return Trained(history, "eager", "callbacks look at every batch", guard.events)
    return Trained(history, step.compiled_as, step.compiled_because, guard.events)
