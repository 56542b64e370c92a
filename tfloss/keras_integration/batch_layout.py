"""From what Keras hands to a step, (x, y), to the model's inputs and the formula's columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tfloss.errors import UsageError, did_you_mean, listed
from tfloss.keras_integration.scope import input_names
from tfloss.lazy import keras, tf
from tfloss.student.keras_internals import first_mask

WEIGHTS_BY_OUTPUT = (
    "Sample weights for each output are written in the formula: declare columns=['w'] and write "
    "w*bce(…)."
)
NO_CLASS = "A label is no class number of this output"
INPUTS = "inputs"  # what the only input of a model may be called in a dictionary


def split_inputs(model: Any, x: Any, columns: Collection[str]) -> tuple[Any, dict[str, Any]]:
    """The model's own inputs, and the columns that travel beside them in a dictionary.

    Raises:
        UsageError: an input is missing.
    """
    if not isinstance(x, Mapping):
        return x, {}
    beside = {name: value for name, value in x.items() if name in columns}
    names = input_names(model)
    if names is None:
        own = {name: value for name, value in x.items() if name not in columns}
        return (own[INPUTS] if set(own) == {INPUTS} else own), beside
    if len(names) == 1 and INPUTS in x and names[0] not in x:
        return x[INPUTS], beside
    for name in names:
        if name not in x:
            raise UsageError(
                f"The model's input '{name}' is not in the dictionary, which has: {listed(x)}."
                f"{did_you_mean(name, x)}"
            )
    if len(names) == 1:
        return x[names[0]], beside
    return {name: x[name] for name in names}, beside


def split_labels(
    y: Any, outputs: Collection[str], columns: Collection[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Labels by output ('' for the only one), and the columns that travel beside them.

    Raises:
        UsageError: a name in the dictionary that is neither.
    """
    if y is None:
        return {}, {}
    if not isinstance(y, Mapping):
        parts = list(y) if isinstance(y, (list, tuple)) else [y]
        if len(parts) != len(outputs):
            raise UsageError(
                f"There are {len(parts)} arrays of labels, but the model has {len(outputs)} "
                f"outputs: {', '.join(outputs)}; name them in a dictionary."
            )
        return dict(zip(outputs, parts, strict=True)), {}
    labels, beside = {}, {}
    for name, value in y.items():
        output = "" if name == "labels" and "" in outputs else name.removesuffix(".labels")
        if output in outputs:
            labels[output] = value
        elif name in columns:
            beside[name] = value
        else:
            known = [*(["labels"] if "" in outputs else outputs), *columns]
            raise UsageError(
                f"'{name}' among the labels is neither an output of the model nor a declared "
                f"column.{did_you_mean(name, known)} There are: {listed(known)}; declare one with "
                f"columns=['{name}']."
            )
    return labels, beside


def as_labels(labels: Any, output: Any, *, classification: bool) -> Any:
    """Labels as formulas know them: float32, a column for each of the output's.

    Class numbers become one-hot rows, NaN a row of NaN; (batch,) becomes (batch, 1).
    """
    labels = tf.convert_to_tensor(labels)
    if labels.dtype == tf.string:
        raise UsageError("The labels are texts; encode them as class numbers first.")
    width = output.shape[-1] if output.shape.rank else None
    column = labels.shape.rank == output.shape.rank and labels.shape[-1] == 1
    if classification and width is not None and width > 1:
        if labels.shape.rank == output.shape.rank - 1:
            return _one_hot(labels, width)
        if column:
            return _one_hot(tf.squeeze(labels, -1), width)
    if labels.shape.rank == output.shape.rank - 1 and width == 1:
        labels = labels[..., None]
    return tf.cast(labels, tf.float32)


def _one_hot(numbers: Any, width: int) -> Any:
    """(…, width) float32; a number that is NaN gives NaN, one that is no class is refused."""
    numbers = tf.cast(numbers, tf.float32)
    missing = tf.math.is_nan(numbers)
    known = tf.where(missing, tf.zeros_like(numbers), numbers)
    fits = tf.reduce_all((known >= 0) & (known < width) & (known == tf.floor(known)))
    said = f"{NO_CLASS}, which has {width} columns: 0 … {width - 1}."
    with tf.control_dependencies([tf.debugging.Assert(fits, [said])]):
        rows = tf.one_hot(tf.cast(known, tf.int32), width)
    return tf.where(missing[..., None], tf.constant(float("nan")), rows)


def as_column(values: Any) -> Any:
    """A column as formulas know it: float32.

    Raises:
        UsageError: texts.
    """
    values = tf.convert_to_tensor(values)
    if values.dtype == tf.string:
        raise UsageError("A column holds texts; losses compute with numbers, so encode them first.")
    return tf.cast(values, tf.float32)


def without_missing(values: Any) -> tuple[Any, Any | None]:
    """Values with zeros in place of NaN, and (batch,) float32: 0 where a row has any NaN.

    Whole numbers are never missing: None.
    """
    if not values.dtype.is_floating:
        return values, None
    missing = tf.math.is_nan(values)
    rows = tf.reduce_any(missing, axis=list(range(1, values.shape.rank)))
    clean = tf.where(missing, tf.zeros_like(values), values)
    return clean, tf.cast(~rows, tf.float32)


def as_weight(sample_weight: Any, *, copied: bool = False) -> Any:
    """(batch,) or, one for each time step, (batch, steps); float32. None stays None.

    Args:
        sample_weight: as Keras hands it over.
        copied: whether Keras has copied one array for each of several labels.

    Raises:
        UsageError: others for each output.
    """
    if sample_weight is None:
        return None
    if isinstance(sample_weight, (Mapping, list, tuple)):
        if not copied:
            raise UsageError(WEIGHTS_BY_OUTPUT)
        sample_weight = keras.tree.flatten(sample_weight)[0]
    weight = tf.cast(tf.convert_to_tensor(sample_weight), tf.float32)
    if weight.shape.rank == 2 and weight.shape[1] == 1:
        weight = weight[:, 0]
    return weight


def mask_of(outputs: Any) -> Any | None:
    """(batch,) or (batch, steps) float32 from the mask that Keras keeps at an output, or None."""
    mask = first_mask(keras.tree.flatten(outputs))
    return None if mask is None else tf.cast(mask, tf.float32)
