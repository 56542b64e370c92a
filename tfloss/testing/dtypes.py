"""Whole numbers: labels of an integer dtype, and numbers of classes."""

from __future__ import annotations

import numpy as np

from tfloss.lazy import tf
from tfloss.testing.checks import check
from tfloss.testing.compare import all_close
from tfloss.testing.inputs import Inputs, row_count, take
from tfloss.testing.results import CheckFailure, NotApplicable
from tfloss.testing.subject import Subject, as_tensors

_WHOLE = ("classes", "yes_no", "counts", "grades", "groups")  # floats that hold whole numbers


@check("whole numbers")
def whole_numbers(subject: Subject) -> int:
    """Labels of an integer dtype count as floats do; a number that is no class is no number."""
    whole = [p.name for p in subject.parameters if p.domain.name in _WHOLE]
    numbered = [p.name for p in subject.parameters if p.domain.integer]
    tried = sum(_as_integers(subject, name) for name in whole)
    for name in numbered:
        inputs = subject.moderate(subject.width)
        tried += _outside(subject, name, inputs, max(subject.width, 2))
    for name in ("labels",) if "labels" in whole and subject.width > 1 else ():
        numbers = _class_numbers(subject, name)
        tried += _outside(subject, name, numbers, subject.width) if numbers else 0
    if not tried:
        raise NotApplicable("it takes no whole numbers")
    return tried


def _as_integers(subject: Subject, name: str) -> int:
    inputs = subject.moderate(subject.width)
    expected = subject.values(inputs)
    for dtype in ("int32", "int64", "uint8"):
        tensors = as_tensors(inputs)
        tensors[name] = tf.cast(tensors[name], dtype)
        try:
            found = np.asarray(subject.call(tensors))
        except Exception:
            continue  # a complaint misleads nobody
        if not all_close(found, expected):
            raise CheckFailure(
                f"{subject.loss.name} is {found} for '{name}' of {dtype} and {expected} for the "
                f"same numbers as float32.",
                tried=f"{row_count(inputs)} examples",
                cause="whole numbers that mean something else than floats, or a division of "
                "integers; cast them: tf.cast(labels, logits.dtype).",
                inputs=take(inputs, [0]),
            )
    return 3 * row_count(inputs)


def _class_numbers(subject: Subject, name: str) -> Inputs | None:
    """Inputs whose one-hot labels are numbers of classes; None where the loss does not take any."""
    inputs = subject.moderate(subject.width)
    numbers = {**inputs, name: np.argmax(inputs[name], axis=-1)}
    try:
        found = subject.values(numbers)
    except Exception:
        return None
    return numbers if all_close(found, subject.values(inputs)) else None


def _outside(subject: Subject, name: str, inputs: Inputs, count: int) -> int:
    """A class below 0 or above the last one: NaN or an exception, never a value."""
    padded = next(p for p in subject.parameters if p.name == name).domain.name == "tokens"
    for wrong in (count,) if padded else (-1, count):  # a negative token is padding
        changed = {**inputs, name: inputs[name].copy()}
        changed[name][1] = wrong
        try:
            values = subject.values(changed)
        except Exception:
            continue  # a complaint is what is wanted
        if np.isfinite(values[1] if values.ndim else values):
            raise CheckFailure(
                f"{subject.loss.name} is {values} where '{name}' has the number {wrong} of "
                f"{count} classes.",
                tried=f"{row_count(inputs)} examples, the second of class {wrong}",
                cause="tf.one_hot makes zeros of a number that is no class, and a row of zeros "
                "costs nothing; make it NaN or an error. What is meant to be padding is declared "
                "with exempt=.",
                inputs=take(changed, [1]),
            )
    return 2 * row_count(inputs)
