"""`class_weight` of `fit`: a weight for every label, one for each step where labels have steps.

Keras takes whatever has several columns for one-hot rows: of class numbers for each time step it
weights the position of the largest number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfloss.errors import UsageError
from tfloss.keras_integration.validation import is_arrays, without_pandas
from tfloss.lazy import tf

OF_SEVERAL_OUTPUTS = (
    "Class weights belong to one output, and this model has several: declare a column of "
    "weights, columns=['w'], and write w*ce(…)."
)
Shape = tuple[int | None, ...]


def weighted_by_class(
    x: Any, y: Any, options: dict[str, Any], shape: Shape | None
) -> tuple[Any, dict[str, Any]]:
    """`x` and the options of `fit` with weights in place of `class_weight`.

    Args:
        x, y: what `fit` was given.
        options: of `fit`.
        shape: of the model's only output; None where it has several.

    Raises:
        UsageError: several outputs, weights of both kinds, rows that are of several classes, or
            data whose steps Keras would not weight.
    """
    weights = options.get("class_weight")
    if weights is None:
        return x, options
    if shape is None or (isinstance(y, Mapping) and "labels" not in y):
        raise UsageError(OF_SEVERAL_OUTPUTS)
    if options.get("sample_weight") is not None:
        raise UsageError("Give class_weight or sample_weight, not both; multiply them yourself.")
    rest = {**options, "class_weight": None}
    if isinstance(x, tf.data.Dataset):
        return _of_dataset(x, weights, shape), rest
    labels = without_pandas(y["labels"] if isinstance(y, Mapping) else y)
    if labels is not None and is_arrays(labels):
        return x, {**rest, "sample_weight": weights_of(np.asarray(labels), weights, shape)}
    if len(shape) > 2:
        raise UsageError(
            "class_weight with a label for each step needs arrays or a tf.data.Dataset; let your "
            "batches bring sample_weight instead, one for each step."
        )
    return x, options


def weights_of(labels: np.ndarray, weights: Mapping[int, float], shape: Shape) -> np.ndarray:
    """(batch,) or (batch, steps, …) float32: the weight of each label's class; 1 where none is.

    Args:
        labels: class numbers, one for each place of the output, or one-hot rows.
        weights: by class number.
        shape: of the output.

    Raises:
        UsageError: rows of several classes, or of none.
    """
    if _has_columns(labels.shape, shape):
        if not np.allclose(np.nansum(labels, axis=-1), 1, atol=1e-3):
            raise UsageError(
                "class_weight needs one class for each label, and these rows are of several "
                "classes, or of none; declare a column of weights, columns=['w'], and write "
                "w*bce(…)."
            )
        classes = labels.argmax(-1)
    else:
        classes = labels[..., 0] if labels.ndim == len(shape) else labels
    found = np.ones(classes.shape, np.float32)
    for number, weight in weights.items():
        found[classes == number] = weight
    return found


def _has_columns(labels: Any, output: Shape) -> bool:
    """Whether labels are rows with a column for each class, and not class numbers."""
    return len(labels) == len(output) and labels[-1] != 1


def _of_dataset(dataset: Any, weights: Mapping[int, float], shape: Shape) -> Any:
    """The same batches with a weight for each label."""

    def weighted(*batch: Any) -> Any:
        if len(batch) != 2:
            raise UsageError(
                "class_weight needs batches of (x, y); weights that come with them, or labels that "
                "do not come, leave no room for it."
            )
        x, y = batch
        labels = y["labels"] if isinstance(y, Mapping) else y
        if isinstance(labels, (Mapping, tuple, list)):
            raise UsageError(OF_SEVERAL_OUTPUTS)
        found = tf.numpy_function(
            lambda given: weights_of(given, weights, shape), [labels], tf.float32
        )
        columns = _has_columns(labels.shape, shape) or labels.shape.rank == len(shape)
        found.set_shape(labels.shape[:-1] if columns else labels.shape)
        return x, y, found

    return dataset.map(weighted)
