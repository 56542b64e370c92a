"""Labels, columns, weights and masks as Keras hands them to a step, as formulas know them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfloss.errors import UsageError
from tfloss.lazy import keras, tf
from tfloss.student.keras_internals import mask_at

WEIGHTS_BY_OUTPUT = (
    "Sample weights for each output belong in the formula: declare columns=['w'] and write "
    "w*bce(…)."
)
NO_CLASS = "A label is no class number of this output"


def as_labels(
    labels: Any, output: Any, *, classification: bool, ignore_class: int | None = None
) -> Any:
    """Labels as formulas know them: float32, a column for each of the output's.

    Class numbers become one-hot rows, NaN a row of NaN; (batch,) becomes (batch, 1).

    Args:
        labels: as they came.
        output: what they are compared with.
        classification: whether whole numbers are numbers of classes.
        ignore_class: the number of a class that says that the label is missing.
    """
    labels = tf.convert_to_tensor(labels)
    if labels.dtype == tf.string:
        raise UsageError("The labels are texts; encode them as class numbers first.")
    width = output.shape[-1] if output.shape.rank else None
    column = labels.shape.rank == output.shape.rank and labels.shape[-1] == 1
    if ignore_class is not None and (column or labels.shape.rank == output.shape.rank - 1):
        numbers = tf.cast(labels, tf.float32)
        labels = tf.where(numbers == float(ignore_class), float("nan"), numbers)
    if classification and width is not None and width > 1:
        if labels.shape.rank == output.shape.rank - 1:
            return _one_hot(labels, width)
        if column:
            return _one_hot(tf.squeeze(labels, -1), width)
    if labels.shape.rank == output.shape.rank - 1 and (width == 1 or not classification):
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
    """Values with zeros in place of NaN, and float32 of the same shape: 0 where a NaN was.

    Whole numbers are never missing: None.
    """
    if not values.dtype.is_floating:
        return values, None
    missing = tf.math.is_nan(values)
    clean = tf.where(missing, tf.zeros_like(values), values)
    return clean, tf.cast(~missing, tf.float32)


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


def mask_of(tensor: Any) -> Any | None:
    """(batch,) or (batch, steps) float32 from the mask that Keras keeps at a tensor, or None."""
    mask = mask_at(tensor)
    return None if mask is None else tf.cast(mask, tf.float32)
