"""Teachers of an attached model: asked once about the arrays that are handed to `fit`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from tfloss.data import rows_at_once
from tfloss.errors import DataError, UsageError, did_you_mean, listed
from tfloss.keras_integration.outputs import output_tensors
from tfloss.keras_integration.structures import outputs_by_name, split_inputs
from tfloss.lazy import keras, tf
from tfloss.student.tapping import layer_of, layers_by_path, named, recording
from tfloss.teachers.predict_columns import named_parts, predict_columns, tells_deviation
from tfloss.teachers.prefitted import is_fitted
from tfloss.teachers.spec.text import DEFAULT_ALIAS

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
        if not isinstance(teacher, keras.Model) and tells_deviation(teacher):
            columns.append(f"{alias}.std")
        wanted = named_parts(alias, names) - set(_OWN)
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
        columns = _as_columns(alias, answers, width, names, classification)
        return {name: np.asarray(values, np.float32) for name, values in columns.items()}
    rows = _rows(alias, inputs)
    return predict_columns(
        alias, teacher, rows, width=width, names=names, classification=classification
    )


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


def _network(
    alias: str, teacher: Any, inputs: Any, names: Collection[str], classification: bool
) -> dict[str, np.ndarray]:
    """A network's answers for all rows, some at a time."""

    def forward(batch: Any) -> dict[str, Any]:
        return _answers(alias, teacher, batch, names, classification)

    program = tf.function(forward, autograph=False, reduce_retracing=True)
    inputs, _ = split_inputs(teacher, inputs, ())
    arrays = [np.asarray(array) for array in keras.tree.flatten(inputs)]
    rows = rows_at_once(sum(int(np.prod(array.shape[1:])) for array in arrays))
    pieces = [
        program(keras.tree.map_structure(lambda a, at=at: _piece(a, at, rows), inputs))
        for at in range(0, len(arrays[0]), rows)
    ]
    return {part: np.concatenate([piece[part].numpy() for piece in pieces]) for part in pieces[0]}


def _answers(
    alias: str, teacher: Any, batch: Any, names: Collection[str], classification: bool
) -> dict[str, Any]:
    """A network's prediction (''), its logits, and those of its layers that the formula names."""
    parts = named_parts(alias, names)
    paths = layers_by_path(teacher)
    layers = {p: paths[p] for part in parts if (p := layer_of(part, paths)) is not None}
    with recording(layers) as found:
        outputs = outputs_by_name(teacher, teacher(batch, training=False))
    if list(outputs) != [""]:
        raise UsageError(f"The teacher '{alias}' has several outputs; a teacher has one.")
    own = output_tensors("", outputs[""], classification=classification, from_logits=None)
    inner = named(found)
    answers = {"": own["prediction"], "logits": own["logits"]}
    return answers | {p: tf.cast(t, tf.float32) for p, t in inner.items() if p in parts}


def _piece(array: Any, start: int, rows: int) -> Any:
    values = np.asarray(array)[start : start + rows]
    return tf.constant(values.astype(np.float32) if values.dtype == np.float64 else values)
