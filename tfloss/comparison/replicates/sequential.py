"""One replicate by `tfloss.fit`, where it cannot share a program: the same numbers, later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfloss.comparison.replicates.seeds import SeedSetup, student_of
from tfloss.comparison.replicates.trajectories import Trajectories, empty
from tfloss.errors import NumericsError
from tfloss.lazy import keras, tf
from tfloss.registry import Registry
from tfloss.student import Student
from tfloss.training.config import Config
from tfloss.training.gradient_norms import gradients_of
from tfloss.training.result import Result


def train_alone(
    formula: str,
    names: tuple[str, ...],
    config: Config,
    setup: SeedSetup,
    eval_epochs: Sequence[int],
    registry: Registry,
    *,
    gradients: bool = False,
) -> Trajectories:
    """Train one seed as `tfloss train` does.

    Args:
        formula: what is minimised, instead of `config.formula`.
        names: of its terms.
        config: the training.
        setup: the seed's data and teachers.
        eval_epochs: after which the logits on the holdout are recorded.
        registry: what names stand for.
        gradients: whether the norm of each term's gradient is measured at the end.

    Returns:
        one replicate; all NaN where `config.on_nan` knows no way on.
    """
    data = setup.data
    student = student_of(config.changed(formula=formula), data, setup.seed, registry)
    recorder = _logit_recorder(student, data.holdout.inputs, eval_epochs)
    shape = (config.epochs, 1, len(data.holdout), data.n_outputs)
    found = empty(formula, names, shape, eval_epochs, "one at a time")
    try:
        result = _fitted(formula, config, setup, student, registry, [recorder])
    except NumericsError:
        return found
    _record(found, result, eval_epochs)
    for number, logits in enumerate(recorder.seen):
        found.logits[number, 0] = logits
    if result.history.best_epoch is not None:
        _put_kept_weights(found, result)
    found.events = tuple(f"Seed {setup.seed} of '{formula}': {event}" for event in result.events)
    if gradients:
        found.gradients = np.array([list(gradients_of(result, config.batch_size).values())])
    return found


def diagnosis(formula: str, config: Config, setup: SeedSetup, registry: Registry) -> str:
    """Why a seed stops being finite: which term, step and rows; '' where it does not, alone."""
    student = student_of(config.changed(formula=formula), setup.data, setup.seed, registry)
    try:
        _fitted(formula, config.changed(on_nan="stop"), setup, student, registry, [])
    except NumericsError as error:
        return str(error)
    return ""


def _fitted(
    formula: str,
    config: Config,
    setup: SeedSetup,
    student: Student,
    registry: Registry,
    callbacks: Sequence[Any],
) -> Result:
    # The holdout is evaluated after every epoch: `eval_epochs` need not be evenly spaced.
    alone = config.changed(formula=formula, seed=setup.seed, evaluate_every=1)
    return alone.fit(
        setup.data,
        registry,
        model=student,
        teacher=setup.teachers or (),
        callbacks=callbacks,
        on_progress=None,
    )


def _record(found: Trajectories, result: Result, eval_epochs: Sequence[int]) -> None:
    found.epochs_trained = done = result.history.latest.number
    evaluated = np.array([epoch - 1 for epoch in eval_epochs if epoch <= done], np.int64)
    for number, name in enumerate(("total", *result.history.names)):
        found.train[:done, 0, number] = result.history.column(name)
        if len(evaluated):
            holdout = result.history.column(name, "holdout")
            found.holdout[: len(evaluated), 0, number] = holdout[evaluated]


def _put_kept_weights(found: Trajectories, result: Result) -> None:
    """From where a training stopped early, and at the end, it is the student that was kept."""
    best, done = result.history.best_epoch, found.epochs_trained
    assert best is not None
    found.train[done:] = found.train[best - 1]
    inputs = result.data.holdout.inputs
    if not len(found.eval_epochs) or not len(inputs):
        return
    kept = (found.eval_epochs > done) | (found.eval_epochs == len(found.train))
    for number, name in enumerate(("total", *result.history.names)):
        found.holdout[kept, 0, number] = result.history.column(name, "holdout")[best - 1]
    found.logits[kept, 0] = result.student.compiled_for(inputs)(tf.constant(inputs)).numpy()


def _logit_recorder(student: Student, inputs: np.ndarray, eval_epochs: Sequence[int]) -> Any:
    """A Keras callback that keeps the logits for `inputs` after the epochs in `eval_epochs`."""
    forward = student.compiled_for(inputs)

    class LogitRecorder(keras.callbacks.Callback):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[np.ndarray] = []

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch + 1 in eval_epochs and len(inputs):
                self.seen.append(forward(tf.constant(inputs)).numpy())

    return LogitRecorder()
