"""The scope of a training: what the student, the data and the teachers bring together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tfloss.data import PreparedData
from tfloss.errors import UsageError
from tfloss.lazy import tf
from tfloss.objective import Entry, Scope
from tfloss.objective.scope import Shape
from tfloss.student import RESERVED, Student, prediction_entries
from tfloss.teachers.fitting.probabilities import FLOOR

FEATURE = "feature"  # the origin of a single column of the inputs


def full_scope(
    student: Student,
    data: PreparedData,
    teachers: Mapping[str, str],
    answers: Mapping[str, Shape | None] | None = None,
    link: str = "",
) -> Scope:
    """Every name, with its shape.

    Args:
        student: its layers, outputs and weights.
        data: labels and further columns.
        teachers: by name, the text that describes each.
        answers: the tensors that they supply with their shapes, where they have been asked.
        link: of the formula; see `tfloss.training.target_units.link_of`.

    Raises:
        UsageError: two of them bring the same name.
    """
    columns = {
        name: (None, *values.shape[1:])
        for name, values in data.train.values.items()
        if name != "inputs"
    }
    outside = outside_entries(
        columns, teachers, width=data.n_outputs, task=data.task, answers=answers
    )
    own = student.scope(data.task, link)
    _refuse_taken(outside, own)
    return own | Scope([*outside, *_features(data.feature_names)])


def _features(names: Sequence[str]) -> list[Entry]:
    """Single columns of the inputs by the names that the data have for them, `inputs.age`."""

    def one(place: int) -> Callable[[Mapping[str, Any]], Any]:
        return lambda tensors: tensors["inputs"][:, place : place + 1]

    return [
        Entry(f"inputs.{name}", FEATURE, (None, 1), one(place), known_outside=True)
        for place, name in enumerate(names)
    ]


def early_scope(
    layers: Iterable[str] | None,
    columns: Iterable[str],
    teachers: Mapping[str, str],
    teacher_layers: Iterable[str] = (),
    features: Iterable[str] = (),
) -> Scope:
    """What is known of the names before TensorFlow and the data are loaded; without shapes.

    Args:
        layers: the student's layers, or None where they are known only once it is built.
        columns: names of further columns.
        teachers: by name, the text that describes each.
        teacher_layers: the names that a formula has for layers of teachers, `alias.LAYER`.
        features: the names that a formula has for features, `inputs.NAME`.

    Raises:
        UsageError: a column or a teacher has the name of a layer.
    """
    outside_columns: dict[str, Any] = dict.fromkeys(["labels", *columns])
    own = [Entry("logits", "student output"), *(Entry(n, "student layer") for n in layers or ())]
    outside = outside_entries(
        outside_columns, teachers, width=None, task=None, answers=dict.fromkeys(teacher_layers)
    )
    _refuse_taken(outside, Scope(own))
    predictions = prediction_entries(None, "classification")
    single = [Entry(name, FEATURE, known_outside=True) for name in features]
    entries = [Entry("inputs", "data", known_outside=True), *own, *predictions, *outside, *single]
    # Weights are known once the student is built.
    return Scope(entries, open_ended=layers is None, weights_known=False)


def _refuse_taken(outside: Iterable[Entry], own: Scope) -> None:
    """What comes from outside cannot have a name that the student has."""
    for entry in outside:
        if entry.name in own:
            raise UsageError(
                f"'{entry.name}' is a {own[entry.name].origin} already; rename it where it comes "
                f"from ({entry.origin})."
            )


def outside_entries(
    columns: Mapping[str, Any],
    teachers: Mapping[str, str],
    *,
    width: int | None,
    task: str | None,
    answers: Mapping[str, Shape | None] | None = None,
) -> list[Entry]:
    """Labels and columns of the data, and the answers of the teachers.

    Args:
        columns: the names of columns with their shapes.
        teachers: by name, the text that describes each.
        width: of a teacher's predictions; None where it is not known yet.
        task: None where it is not known yet.
        answers: see `full_scope`.
    """
    entries = [Entry(name, "data", shape, known_outside=True) for name, shape in columns.items()]
    for name, text in teachers.items():
        if name in RESERVED or name in columns:
            raise UsageError(
                f"A teacher cannot be called '{name}': that name is taken; say other={text}."
            )
        shape: Shape = (None, width)
        entries.append(Entry(name, f"teacher {text}", shape, known_outside=True))
        if task != "regression":
            logits = _teacher_logits(name)
            entries.append(Entry(f"{name}.logits", f"log-odds of {name}", shape, logits))
        if task is None or (task == "regression" and answers is None):
            origin = f"deviation of {name}, where it predicts one"
            entries.append(Entry(f"{name}.std", origin, shape, known_outside=True))
    known = {entry.name for entry in entries}
    for name, own_shape in (answers or {}).items():
        if name not in known:
            teacher, _, part = name.partition(".")
            origin = f"deviation of {teacher}" if part == "std" else f"layer of {teacher}"
            entries.append(Entry(name, origin, own_shape, known_outside=True))
    return entries


def _teacher_logits(name: str) -> Any:
    """Logits whose sigmoid (one column) or softmax (several) are the teacher's probabilities."""

    def compute(tensors: Mapping[str, Any]) -> Any:
        probs = tf.clip_by_value(tensors[name], FLOOR, 1 - FLOOR)
        if probs.shape[-1] == 1:
            return tf.math.log(probs) - tf.math.log1p(-probs)
        return tf.math.log(probs)

    return compute
