"""Replicates trained one at a time, where they cannot share a program: the same numbers, later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfloss.comparison.replicates.seeds import SeedSetup, student_of
from tfloss.comparison.replicates.trajectories import Trajectories, empty
from tfloss.errors import NumericsError
from tfloss.lazy import keras, tf
from tfloss.registry import Registry
from tfloss.student import Student
from tfloss.training.config import Config
from tfloss.training.fit import fit
from tfloss.training.gradient_norms import gradients_of
from tfloss.training.result import Result


def train_one_by_one(
    formula: str,
    names: tuple[str, ...],
    config: Config,
    setups: Sequence[SeedSetup],
    eval_epochs: Sequence[int],
    gradients: int,
    registry: Registry,
    on_progress: Callable[[int], None],
) -> Trajectories:
    """Train every seed with `fit`; `on_progress` hears of each replicate that is done.

    The first few, `gradients` of them, are asked how strongly each term pulls at their weights.

    A training that stops being finite stays NaN.
    """
    data = setups[0].data
    shape = (config.epochs, len(setups), len(data.holdout), data.n_outputs)
    result = empty(formula, names, shape, eval_epochs, "one at a time")
    pulls = []
    for place, setup in enumerate(setups):
        student = student_of(config, setup.data, setup.seed, registry)
        watcher = _logit_recorder(student, setup.data.holdout.inputs, eval_epochs)
        try:
            alone = fit(
                formula,
                setup.data,
                student,
                teacher=setup.teachers or (),
                optimizer=config.optimizer,
                epochs=config.epochs,
                batch_size=config.batch_size,
                batches=config.batches,  # type: ignore[arg-type]
                seed=setup.seed,
                compile=config.compile,  # type: ignore[arg-type]
                callbacks=[watcher],
                allow_negative=config.allow_negative,
                registry=registry,
            )
        except NumericsError:
            on_progress(1)
            continue
        _take_in(result, place, alone, eval_epochs)
        for number, logits in enumerate(watcher.seen):
            result.logits[number, place] = logits
        if place < gradients:
            pulls.append(list(gradients_of(alone, config.batch_size).values()))
        on_progress(1)
    result.gradients = np.array(pulls).reshape(-1, len(names))
    return result


def _take_in(result: Trajectories, place: int, alone: Result, eval_epochs: Sequence[int]) -> None:
    columns = ("total", *alone.history.names)
    for number, name in enumerate(columns):
        result.train[:, place, number] = alone.history.column(name)
        seen = alone.history.column(name, "holdout")
        result.holdout[:, place, number] = seen[np.array(eval_epochs) - 1]


def _logit_recorder(student: Student, inputs: np.ndarray, eval_epochs: Sequence[int]) -> Any:
    """A Keras callback that keeps the logits for `inputs` after the epochs in `eval_epochs`."""
    forward = student.compiled_for(inputs)

    class LogitRecorder(keras.callbacks.Callback):  # type: ignore[name-defined, misc]
        seen: list[np.ndarray] = []  # noqa: RUF012 - one class per student

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch + 1 in eval_epochs and len(inputs):
                self.seen.append(forward(tf.constant(inputs)).numpy())

    LogitRecorder.seen = []
    return LogitRecorder()
