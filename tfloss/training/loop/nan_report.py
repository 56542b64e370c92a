"""What to say about a step that was not finite: its term, its rows, and what may help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfloss.lazy import tf
from tfloss.training.program.batch import Batch
from tfloss.training.program.step import TrainStep


@dataclass(frozen=True)
class StepRows:
    """The rows of one step.

    Attributes:
        rows: (n,) their numbers where they come from, counted from 0.
        batch: as the step saw them.
        origin: where they come from: 'the data', 'the stream'.
    """

    rows: Sequence[int] | np.ndarray
    batch: Batch
    origin: str


BatchLookup = Callable[[int], StepRows]  # the rows of a step, by its number

_ROWS_ALONE = 2048  # at most so many are looked at one by one
_SHOWN = 5

_LOWER = "Lower the learning rate or a coefficient (on_nan='lower' halves the rate by itself)"
_MEND = "Fix these rows, or skip such steps with on_nan='skip' (--on-nan skip)"


def diagnose(steps: TrainStep, bad: tuple[int, np.ndarray], batch_of: BatchLookup) -> str:
    """The sentences about a bad step; the weights are those before it.

    Args:
        steps: what trains; its weights are as they were.
        bad: the step's number, its total and terms.
        batch_of: the rows of a step.
    """
    step, values = bad
    rows = batch_of(step)
    before = steps.snapshot()
    try:
        subject = _subject(steps, values, rows.batch, step)
        where, remedy = _where(steps, rows, step)
    finally:
        steps.restore(before)
    return (
        f"At step {step} {subject} is not a finite number{where}. "
        f"The weights are those of step {step}. {remedy}."
    )


def without_meaning(batch: Batch) -> dict[str, np.ndarray]:
    """By column, which rows of a batch hold something that is not finite: (rows,) bool."""
    found = {}
    for name, column in batch.named().items():
        values = np.asarray(column)
        if values.dtype.kind == "f":
            bad = ~np.isfinite(values.reshape(len(values), -1)).all(axis=1)
            if bad.any():
                found[name] = bad
    return found


def _subject(steps: TrainStep, values: np.ndarray, batch: Batch, step: int) -> str:
    """What is not finite: the value of a term, its gradient, or a weight after the update."""
    names = steps.forward.names
    culprits = [n for n, value in zip(names, values[1:], strict=True) if not np.isfinite(value)]
    if culprits:
        return f"the value of {_and(culprits)}"
    if not np.isfinite(values[0]):
        return "the sum of the terms"
    for name, weights in _bad_gradients(steps, batch, step):
        return f"the gradient of '{name}' by {_and(weights)}, though its value is,"
    return "a weight after the update, though the loss and its gradients are,"


def _bad_gradients(steps: TrainStep, batch: Batch, step: int) -> list[Any]:
    """Terms with the weights by which their gradient is not finite."""
    found = []
    for number, name in enumerate(steps.forward.names):
        with tf.GradientTape() as tape:
            term = steps.forward.terms(batch, tf.constant(step), training=True)[number]
        gradients = tape.gradient(term, steps.variables)
        bad = [
            getattr(variable, "path", variable.name)
            for variable, gradient in zip(steps.variables, gradients, strict=True)
            if gradient is not None and not np.isfinite(tf.convert_to_tensor(gradient)).all()
        ]
        if bad:
            found.append((name, bad))
    return found


def _where(steps: TrainStep, rows: StepRows, step: int) -> tuple[str, str]:
    """In which rows, and what to do."""
    wrong = without_meaning(rows.batch)
    if wrong:
        told = [f"'{name}' is not finite in {_rows(rows, bad)}" for name, bad in wrong.items()]
        return f": {'; '.join(told)}", _MEND
    alone = _bad_alone(steps, rows.batch, step)
    if alone is not None and alone.any() and not alone.all():
        return f", because of {_rows(rows, alone)}", f"Look at these rows. {_LOWER}"
    return f", on {_rows(rows, np.ones(len(rows.rows), bool))}", _LOWER


def _bad_alone(steps: TrainStep, batch: Batch, step: int) -> np.ndarray | None:
    """Which rows have a total that is not finite by themselves; None where that cannot be asked."""
    count = len(batch.tensors["inputs"])
    if count > _ROWS_ALONE:
        return None
    total = tf.function(
        lambda row: steps.forward(row, tf.constant(step), training=False)[0], autograph=False
    )
    try:
        values = [float(total(batch.rows(i, i + 1))) for i in range(count)]
    except Exception:  # a loss that refuses a single row; the batch is named instead
        return None
    return ~np.isfinite(values)


def _rows(rows: StepRows, chosen: np.ndarray) -> str:
    named = [str(row) for row, there in zip(rows.rows, chosen, strict=True) if there]
    more = f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
    return f"row{'s' if len(named) > 1 else ''} {', '.join(named[:_SHOWN])}{more} of {rows.origin}"


def _and(names: Sequence[str]) -> str:
    return " and ".join(f"'{name}'" for name in names[:_SHOWN])
