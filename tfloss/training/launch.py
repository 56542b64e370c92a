"""What `fit` and `fit_stream` share: checks, student, fingerprint, loop and result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tfloss.data import Embedding, PreparedData
from tfloss.objective import Objective
from tfloss.registry import Registry
from tfloss.student import Student, make_student
from tfloss.teachers import FittedTeacher
from tfloss.training.checkpoints.fingerprint import (
    model_fingerprint,
    networks_fingerprint,
    training_fingerprint,
)
from tfloss.training.checkpoints.manager import Checkpoints
from tfloss.training.checkpoints.opening import defer_interrupts
from tfloss.training.constant import remarks
from tfloss.training.history import History
from tfloss.training.loop.callbacks import Callbacks
from tfloss.training.loop.nan_guard import NanGuard
from tfloss.training.loop.source import Source
from tfloss.training.loop.train_loop import OnProgress, train
from tfloss.training.options import LoopOptions
from tfloss.training.program.precision import computing_in, refuse_for_built_model
from tfloss.training.result import Result, all_scores


class Trained(NamedTuple):
    """What the loop leaves: see `tfloss.training.result.Result`."""

    history: History
    compiled_as: str
    compiled_because: str
    events: list[str]


def student_of(
    model: str | Student | Any,
    inputs: int,
    outputs: int,
    registry: Registry,
    options: LoopOptions,
    embeddings: Sequence[Embedding] = (),
) -> Student:
    """The student, built in the precision of the options or taken as it is.

    Args:
        model: as for `tfloss.fit`.
        inputs: the number of features.
        outputs: the number of logits.
        registry: what names stand for.
        options: whose seed and precision count.
        embeddings: of the data.

    Raises:
        UsageError: an unknown model, one that does not fit the data, or a precision for a model
            that exists already.
    """
    sizes: dict[str, Any] = {"inputs": inputs, "outputs": outputs, "embeddings": embeddings}
    if isinstance(model, str):
        with computing_in(options.precision):
            return make_student(model, **sizes, registry=registry, seed=options.seed)
    refuse_for_built_model(options.precision)
    if isinstance(model, Student):
        return model
    return make_student(model, **sizes, registry=registry, seed=options.seed)


def fingerprint_of(
    checkpoints: Checkpoints | None,
    objective: Objective,
    rows: Callable[[], Mapping[str, Any]],
    model: Any,
    student: Student,
    optimizer: Any,
    options: LoopOptions,
) -> dict[str, Any]:
    """What the training is, for its checkpoints; {} where it keeps none.

    To be called before an optimizer of the user's is built.

    Args:
        checkpoints: where they are kept, or None.
        objective: what is minimised.
        rows: tells what is trained and evaluated on.
        model: as the user gave it.
        student: that it became.
        optimizer: as the user gave it.
        options: what else decides the result.
    """
    if checkpoints is None:
        return {}
    own = [model if isinstance(model, str) else "", *model_fingerprint(student.model)]
    more = {**options.fingerprint(), **networks_fingerprint(objective)}
    return training_fingerprint(objective.text, rows(), own, optimizer, **more)


def run_loop(
    source: Source,
    options: LoopOptions,
    *,
    model: Any,
    callbacks: Sequence[Any],
    on_progress: OnProgress | None,
    checkpoints: Checkpoints | None,
    fingerprint: Mapping[str, Any],
    teachers: tuple[dict[str, np.ndarray], Any] = ({}, None),
) -> Trained:
    """Train, with the guard, callbacks and checkpoints.

    Args:
        source: the rows, with the programs that train on them.
        options: how many epochs, and what is done at a step that is not finite.
        model: the Keras model that callbacks see.
        callbacks: of Keras.
        on_progress: called with the history after every chunk.
        checkpoints: where they are saved, and where the training begins; None: not at all.
        fingerprint: what the training is, for the checkpoints.
        teachers: what `tfloss.training.checkpoints.teachers.to_arrays` made of them.
    """
    step = source.step
    guard = NanGuard(step, options.on_nan)
    called = Callbacks(callbacks, model, step.optimizer)
    if checkpoints is not None:
        whole = {**fingerprint, "callbacks": called.kinds}
        checkpoints.begin(whole, *teachers, compiled_as=step.choice.compiled_as)
    with defer_interrupts(checkpoints):
        history = train(
            source,
            options.epochs,
            callbacks=called,
            on_progress=on_progress,
            checkpoints=checkpoints,
            guard=guard,
            initial_epoch=options.initial_epoch,
        )
    if called.see_batches:
        return Trained(history, "eager", "callbacks look at every batch", guard.events)
    return Trained(history, step.compiled_as, step.compiled_because, guard.events)


def result_of(
    trained: Trained,
    student: Student,
    objective: Objective,
    data: PreparedData,
    registry: Registry,
    *,
    teachers: Mapping[str, FittedTeacher],
    seconds: dict[str, float],
    traces: int,
) -> Result:
    """All that a training leaves, with the scores of the student and its teachers."""
    return Result(
        student=student,
        objective=objective,
        history=trained.history,
        scores=all_scores(student, teachers, data, registry),
        teachers=teachers,
        data=data,
        seconds=seconds,
        compiled_as=trained.compiled_as,
        compiled_because=trained.compiled_because,
        events=[*trained.events, *remarks(student, objective, data)],
        traces=traces,
        labels={name: metric.label or name for name, metric in registry.metrics.items()},
    )
