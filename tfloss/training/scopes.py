"""The scope of a training: what the student, the data and the teachers bring together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tfloss.data import PreparedData
from tfloss.errors import UsageError
from tfloss.lazy import tf
from tfloss.objective import Entry, Scope
from tfloss.student import RESERVED, Student, prediction_entries

_TINY = 1e-7  # the floor that teachers' probabilities are kept at


def full_scope(student: Student, data: PreparedData, teachers: Mapping[str, str]) -> Scope:
    """Every name, with its shape.

    Args:
        student: its layers, outputs and weights.
        data: labels and extra columns.
        teachers: by name, the text that describes each.

    Raises:
        UsageError: two of them bring the same name.
    """
    columns = {
        name: (None, *values.shape[1:])
        for name, values in data.train.columns.items()
        if name != "inputs"
    }
    outside = outside_entries(columns, teachers, width=data.n_outputs, task=data.task)
    own = student.scope(data.task)
    for entry in outside:
        if entry.name in own:
            raise UsageError(
                f"'{entry.name}' is both a {own[entry.name].origin} and a {entry.origin}; "
                f"rename one."
            )
    return own | Scope(outside)


def early_scope(
    layers: Iterable[str] | None, extra: Iterable[str], teachers: Mapping[str, str]
) -> Scope:
    """What is known of the names before TensorFlow and the data are loaded; without shapes.

    Args:
        layers: the student's layers, or None where they are known only once it is built.
        extra: names of extra columns.
        teachers: by name, the text that describes each.
    """
    columns: dict[str, Any] = dict.fromkeys(["labels", *extra])
    entries = [
        Entry("inputs", "data", known_outside=True),
        Entry("logits", "student output"),
        *prediction_entries(None, "classification"),
        *(Entry(name, "student layer") for name in layers or ()),
        *outside_entries(columns, teachers, width=None, task="classification"),
    ]
    # Weights are known once the student is built.
    return Scope(entries, open_ended=layers is None, weights_known=False)


def outside_entries(
    columns: Mapping[str, Any], teachers: Mapping[str, str], *, width: int | None, task: str
) -> list[Entry]:
    """Labels and columns of the data, and the answers of the teachers."""
    entries = [Entry(name, "data", shape, known_outside=True) for name, shape in columns.items()]
    for name, text in teachers.items():
        if name in RESERVED or name in columns:
            raise UsageError(
                f"A teacher cannot be called '{name}': that name is taken; say other={text}."
            )
        origin = f"teacher {text}"
        shape = (None, width)
        entries.append(Entry(name, origin, shape, known_outside=True))
        if task == "classification":
            logits = _teacher_logits(name)
            entries.append(Entry(f"{name}.logits", f"log-odds of {name}", shape, logits))
    return entries


def _teacher_logits(name: str) -> Any:
    """Logits whose sigmoid (one column) or softmax (several) are the teacher's probabilities."""

    def compute(tensors: Mapping[str, Any]) -> Any:
        probs = tf.clip_by_value(tensors[name], _TINY, 1 - _TINY)
        if probs.shape[-1] == 1:
            return tf.math.log(probs) - tf.math.log1p(-probs)
        return tf.math.log(probs)

    return compute
