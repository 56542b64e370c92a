"""Teachers of an attached model: asked once about the arrays that are handed to `fit`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from tfloss.data import rows_at_once
from tfloss.errors import DataError, UsageError
from tfloss.keras_integration.teacher_fitting import TeacherToFit
from tfloss.lazy import keras, tf
from tfloss.registry import Registry
from tfloss.student.structures import INPUTS, input_shapes, split_inputs
from tfloss.teachers import Options, PredictionsColumn, PrefittedTeacher, columns_of
from tfloss.teachers.fitting.given import listed_teachers, resolved
from tfloss.teachers.keras_models import OWN_TENSORS
from tfloss.teachers.network_tensors import network_tensors, refuse_unknown_layers
from tfloss.teachers.predict_columns import named_parts, predict_columns, tells_deviation


def named_teachers(teacher: Any, registry: Registry) -> dict[str, Any]:
    """Teachers by their names in a formula: Keras models, fitted estimators, `TeacherToFit`.

    Args:
        teacher: a name ('gpc', 'soft=rf:n_estimators=50'), an estimator or a Keras model, a list of
            these, or a dictionary of them by name.
        registry: what names stand for.

    Raises:
        UsageError: an unknown name, something that is no teacher, a column, or a file that says
            more than an estimator.
    """
    found: dict[str, Any] = {}
    for one in listed_teachers(teacher):
        thing = resolved(one, Options(), registry, seed=0).thing
        if isinstance(thing, PredictionsColumn):
            raise UsageError(
                f"The teacher '{one.text}' is a column, which an attached model takes without a "
                f"teacher: columns=['{one.alias}']."
            )
        if not isinstance(thing, PrefittedTeacher):
            found[one.alias] = TeacherToFit(one.alias, one.thing, thing)
        elif thing.scaler is None and thing.rows is None and thing.seen is None:
            found[one.alias] = thing.estimator
        else:
            raise UsageError(
                f"The teacher '{one.text}' is stored with its scaling or its training rows, which "
                f"only tfloss.fit honours; pass its predictions as a column: "
                f"columns=['{one.alias}']."
            )
    return found


def teacher_columns(teachers: Mapping[str, Any], names: Collection[str]) -> list[str]:
    """The names that teachers bring into a formula that uses these names.

    Raises:
        UsageError: `alias.LAYER` where that teacher has no such layer.
    """
    columns: list[str] = []
    for alias, teacher in teachers.items():
        columns += [alias, f"{alias}.logits", f"{alias}.{INPUTS}"]
        if isinstance(teacher, keras.Model):
            layers = sorted(named_parts(alias, names) - OWN_TENSORS - {INPUTS})
            refuse_unknown_layers(alias, teacher, layers)
            columns += [f"{alias}.{layer}" for layer in layers]
        elif tells_deviation(getattr(teacher, "estimator", teacher)):
            columns.append(f"{alias}.std")
    return columns


def ask(
    alias: str,
    teacher: Any,
    inputs: Any,
    width: int | None,
    names: Collection[str],
    classification: bool,
) -> dict[str, np.ndarray]:
    """A teacher's predictions for all rows, float32, by the names of their columns.

    Args:
        alias: its name in the formula.
        teacher: a fitted estimator, a Keras model, or what `fit` has fitted.
        inputs: what the student gets: an array (n, …), or a dictionary of them for a Keras model.
        width: the student's number of outputs; 1 makes one column of two classes; None where the
            formula names only the teacher's layers.
        names: what the formula uses.
        classification: whether it predicts probabilities.

    Raises:
        UsageError: inputs that a Keras model does not take.
        DataError: another number of classes than the student's.
    """
    if isinstance(teacher, keras.Model):
        inputs = _as_it_takes_them(alias, teacher, inputs)
        asked = width is not None
        answers = _network(alias, teacher, inputs, names, classification, prediction=asked)
        columns = _as_columns(alias, answers, width, names, classification)
        return {name: np.asarray(values, np.float32) for name, values in columns.items()}
    rows = rows_for_estimator(alias, inputs)
    assert width is not None  # an estimator has no layers
    if isinstance(teacher, TeacherToFit):
        classes = max(width, 2) if classification else None
        columns = columns_of(alias, teacher.about(rows), classes=classes)
        return {name: values for name, values in columns.items() if name in names}
    return predict_columns(
        alias, teacher, rows, width=width, names=names, classification=classification
    )


def ask_in_step(
    alias: str,
    teacher: Any,
    inputs: Any,
    width: int | None,
    names: Collection[str],
    classification: bool,
) -> dict[str, Any]:
    """The same of a Keras model about the batch of a step: tensors, of which it learns nothing."""
    layers = named_parts(alias, names) - OWN_TENSORS - {INPUTS}
    answers = network_tensors(
        alias,
        teacher,
        _as_it_takes_them(alias, teacher, inputs),
        layers,
        classification=classification,
        prediction=width is not None,
    )
    columns = _as_columns(alias, answers, width, names, classification)
    return {name: tf.stop_gradient(tf.cast(t, tf.float32)) for name, t in columns.items()}


def _as_columns(
    alias: str,
    answers: Mapping[str, Any],
    width: int | None,
    names: Collection[str],
    classification: bool,
) -> dict[str, Any]:
    """What the formula uses of the answers, as wide as the student's output."""
    if width is None:
        return {f"{alias}.{layer}": values for layer, values in answers.items()}
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


def rows_for_estimator(alias: str, inputs: Any) -> np.ndarray:
    """(n, d): the student's inputs, as an estimator takes them.

    Raises:
        UsageError: the student has several inputs.
    """
    if isinstance(inputs, Mapping | list | tuple):
        raise UsageError(
            f"The model has several inputs, so what the teacher '{alias}' would be asked is not "
            f"known; pass its predictions as a column: columns=['{alias}']."
        )
    rows = np.asarray(inputs)
    return rows.reshape(len(rows), -1)


def _network(
    alias: str,
    teacher: Any,
    inputs: Any,
    names: Collection[str],
    classification: bool,
    *,
    prediction: bool,
) -> dict[str, np.ndarray]:
    """A network's answers for all rows, some at a time."""

    layers = named_parts(alias, names) - OWN_TENSORS - {INPUTS}

    def forward(batch: Any) -> dict[str, Any]:
        return network_tensors(
            alias, teacher, batch, layers, classification=classification, prediction=prediction
        )

    program = tf.function(forward, autograph=False, reduce_retracing=True)
    arrays = [np.asarray(array) for array in keras.tree.flatten(inputs)]
    rows = rows_at_once(sum(int(np.prod(array.shape[1:])) for array in arrays))
    pieces = [
        program(keras.tree.map_structure(lambda a, at=at: _piece(a, at, rows), inputs))
        for at in range(0, len(arrays[0]), rows)
    ]
    return {part: np.concatenate([piece[part].numpy() for piece in pieces]) for part in pieces[0]}


def _as_it_takes_them(alias: str, teacher: Any, inputs: Any) -> Any:
    """The inputs that a network asks for.

    Raises:
        UsageError: it has others than the model that it teaches, and they were not passed.
    """
    shapes = input_shapes(teacher)
    if not shapes:
        return inputs  # a subclassed network takes what it takes
    refused = UsageError(
        f"The teacher '{alias}' takes other inputs than the model; pass its own next to the "
        f"model's: x={{'inputs': x, '{alias}.{INPUTS}': …}}."
    )
    try:
        inputs, _ = split_inputs(teacher, inputs, ())
    except UsageError:
        raise refused from None
    by_name = isinstance(inputs, Mapping) and set(inputs) == set(shapes)
    flat = [inputs[name] for name in shapes] if by_name else keras.tree.flatten(inputs)
    if len(flat) != len(shapes) or not all(map(_fits, shapes.values(), flat)):
        raise refused
    return inputs


def _fits(shape: tuple[int | None, ...], array: Any) -> bool:
    want, have = shape[1:], tuple(array.shape)[1:]
    if len(want) != len(have):
        return False
    return all(None in pair or pair[0] == pair[1] for pair in zip(want, have, strict=True))


def _piece(array: Any, start: int, rows: int) -> Any:
    values = np.asarray(array)[start : start + rows]
    return tf.constant(values.astype(np.float32) if values.dtype == np.float64 else values)
