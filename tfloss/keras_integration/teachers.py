"""Teachers of an attached model: asked once about the arrays that are handed to `fit`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from tfloss.errors import DataError, UsageError, did_you_mean, listed
from tfloss.keras_integration.outputs import by_name, output_tensors
from tfloss.keras_integration.scope import input_names
from tfloss.lazy import keras, tf
from tfloss.student.tapping import layer_of, layers_by_path, named, recording
from tfloss.teachers.fitting.probabilities import aligned, log_odds
from tfloss.teachers.prefitted import is_fitted

DEFAULT_ALIAS = "teacher"
_ROWS_AT_ONCE = 1024
_OWN = ("logits",)  # what `alias.NAME` means beside a layer


def named_teachers(teacher: Any) -> dict[str, Any]:
    """Teachers by the name that a formula calls them.

    Raises:
        UsageError: something that has not been fitted, or cannot be.
    """
    if teacher is None:
        return {}
    teachers = dict(teacher) if isinstance(teacher, Mapping) else {DEFAULT_ALIAS: teacher}
    for alias, one in teachers.items():
        if isinstance(one, keras.Model):
            continue
        if not (hasattr(one, "predict_proba") or hasattr(one, "predict")):
            raise UsageError(
                f"The teacher '{alias}' is a {type(one).__name__}; an attached model takes a "
                f"fitted estimator or a Keras model. Answers of your own are a column: "
                f"columns=['{alias}']."
            )
        if hasattr(one, "fit") and hasattr(one, "get_params") and not is_fitted(one):
            raise UsageError(
                f"The teacher '{alias}' ({type(one).__name__}) has not been fitted; fit it before, "
                f"or train with tfloss.fit, which fits teachers out of fold."
            )
    return teachers


def teacher_columns(teachers: Mapping[str, Any], names: Collection[str]) -> list[str]:
    """The names that teachers bring into a formula that uses these names.

    Raises:
        UsageError: `alias.LAYER` where that teacher has no such layer.
    """
    columns: list[str] = []
    for alias, teacher in teachers.items():
        columns += [alias, f"{alias}.logits"]
        wanted = _parts(alias, names) - set(_OWN)
        if wanted and isinstance(teacher, keras.Model):
            paths = layers_by_path(teacher)
            for part in sorted(wanted):
                if layer_of(part, paths) is None:
                    raise UsageError(
                        f"The teacher '{alias}' has no layer '{part}'."
                        f"{did_you_mean(part, paths)} Its layers: {listed(paths)}."
                    )
            columns += [f"{alias}.{part}" for part in sorted(wanted)]
    return columns


def _parts(alias: str, names: Collection[str]) -> set[str]:
    return {name.removeprefix(f"{alias}.") for name in names if name.startswith(f"{alias}.")}


def ask(
    alias: str, teacher: Any, inputs: Any, width: int, names: Collection[str], classification: bool
) -> dict[str, np.ndarray]:
    """A teacher's answers for all rows, float32, by the names of their columns.

    Args:
        alias: its name in the formula.
        teacher: a fitted estimator, or a Keras model.
        inputs: what the student gets: an array (n, …), or a dictionary of them for a Keras model.
        width: the student's number of outputs; 1 makes one column of two classes.
        names: what the formula uses.
        classification: whether it is asked for probabilities.

    Raises:
        DataError: another number of classes than the student's.
    """
    if isinstance(teacher, keras.Model):
        answers = _network(alias, teacher, inputs, names, classification)
    else:
        answers = _estimator(alias, teacher, _rows(alias, inputs), width, classification)
    columns = _as_columns(alias, answers, width, names, classification)
    return {name: np.asarray(values, np.float32) for name, values in columns.items()}


def ask_in_step(
    alias: str, teacher: Any, inputs: Any, width: int, names: Collection[str], classification: bool
) -> dict[str, Any]:
    """The same of a Keras model about the batch of a step: tensors, of which it learns nothing."""
    answers = _answers(alias, teacher, inputs, names, classification)
    columns = _as_columns(alias, answers, width, names, classification)
    return {name: tf.stop_gradient(tf.cast(t, tf.float32)) for name, t in columns.items()}


def _as_columns(
    alias: str, answers: Mapping[str, Any], width: int, names: Collection[str], classification: bool
) -> dict[str, Any]:
    """What the formula uses of the answers, as wide as the student's output."""
    answers = dict(answers)
    if classification and width == 1 and answers[""].shape[-1] == 2:
        logits = answers["logits"]
        answers[""] = answers[""][:, 1:]
        answers["logits"] = logits[:, 1:] - logits[:, :1]
    if answers[""].shape[-1] != width:
        raise DataError(
            f"The teacher '{alias}' answers with {answers[''].shape[-1]} columns, but the model "
            f"has {width} outputs."
        )
    columns = {f"{alias}.{part}" if part else alias: a for part, a in answers.items()}
    return {name: values for name, values in columns.items() if name in names}


def _rows(alias: str, inputs: Any) -> np.ndarray:
    if isinstance(inputs, Mapping | list | tuple):
        raise UsageError(
            f"The model has several inputs, so what the teacher '{alias}' would be asked is not "
            f"known; hand its answers over as a column: columns=['{alias}']."
        )
    rows = np.asarray(inputs)
    return rows.reshape(len(rows), -1)


def _estimator(
    alias: str, teacher: Any, rows: np.ndarray, width: int, classification: bool
) -> dict[str, np.ndarray]:
    if not classification:
        answers = np.asarray(teacher.predict(rows), np.float64)
        return {"": answers.reshape(len(rows), -1)}
    if not hasattr(teacher, "predict_proba"):
        raise UsageError(
            f"The teacher '{alias}' ({type(teacher).__name__}) has no probabilities; fit it inside "
            f"CalibratedClassifierCV."
        )
    raw = np.asarray(teacher.predict_proba(rows))
    positions, classes = _positions(teacher, raw.shape[-1], max(width, 2))
    probabilities = aligned(raw, positions, len(rows), classes, alias)
    return {"": probabilities, "logits": log_odds(probabilities)}


def _positions(teacher: Any, known: int, classes: int) -> tuple[np.ndarray, int]:
    """Which of the student's classes a teacher's columns are about, and how many there are.

    By order; a teacher that was fitted on fewer class numbers says which ones it knows.
    """
    numbers = np.asarray(getattr(teacher, "classes_", ()))
    if known < classes and numbers.dtype.kind in "iuf" and numbers.shape == (known,):
        whole = numbers.astype(np.int64)
        if bool(np.all((whole == numbers) & (whole >= 0) & (whole < classes))):
            return whole, classes
    return np.arange(known), known


def _network(
    alias: str, teacher: Any, inputs: Any, names: Collection[str], classification: bool
) -> dict[str, np.ndarray]:
    """A network's answers for all rows, some at a time."""

    def forward(batch: Any) -> dict[str, Any]:
        return _answers(alias, teacher, batch, names, classification)

    program = tf.function(forward, autograph=False, reduce_retracing=True)
    known = input_names(teacher)
    if isinstance(inputs, Mapping) and known is not None:
        inputs = {name: inputs[name] for name in known}
    count = len(next(iter(keras.tree.flatten(inputs))))
    pieces = [
        program(keras.tree.map_structure(lambda a, at=at: _piece(a, at), inputs))
        for at in range(0, count, _ROWS_AT_ONCE)
    ]
    return {part: np.concatenate([piece[part].numpy() for piece in pieces]) for part in pieces[0]}


def _answers(
    alias: str, teacher: Any, batch: Any, names: Collection[str], classification: bool
) -> dict[str, Any]:
    """A network's prediction (''), its logits, and those of its layers that the formula names."""
    parts = _parts(alias, names)
    paths = layers_by_path(teacher)
    layers = {p: paths[p] for part in parts if (p := layer_of(part, paths)) is not None}
    with recording(layers) as found:
        outputs = by_name(teacher, teacher(batch, training=False))
    if list(outputs) != [""]:
        raise UsageError(f"The teacher '{alias}' has several outputs; a teacher has one.")
    own = output_tensors("", outputs[""], classification=classification, from_logits=None)
    inner = named(found)
    answers = {"": own["prediction"], "logits": own["logits"]}
    return answers | {p: tf.cast(t, tf.float32) for p, t in inner.items() if p in parts}


def _piece(array: Any, start: int) -> Any:
    values = np.asarray(array)[start : start + _ROWS_AT_ONCE]
    return tf.constant(values.astype(np.float32) if values.dtype == np.float64 else values)
