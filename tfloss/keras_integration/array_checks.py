"""What `fit` and `evaluate` of an attached model do with their data before Keras sees them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from tfloss.errors import UsageError
from tfloss.keras_integration.batch_layout import WEIGHTS_BY_OUTPUT
from tfloss.keras_integration.binding import Bound
from tfloss.keras_integration.class_weights import weighted_by_class
from tfloss.keras_integration.completeness import nothing_missing
from tfloss.keras_integration.teacher_columns import Supply
from tfloss.keras_integration.validation import (
    check_columns,
    check_inputs,
    check_labels,
    check_rows,
    is_arrays,
    without_pandas,
    zero_for_minus_one,
)
from tfloss.lazy import keras, tf
from tfloss.student.structures import (
    input_shapes,
    output_shapes,
    outputs_by_name,
    split_inputs,
)


class ArrayChecks:
    """Refuses what no batch could make sense of, and puts teachers' predictions next to the inputs.

    Args:
        model: the student.
        bound: the formula on it.
        columns: the names of all columns, declared and of teachers.
        supply: asks the teachers.
    """

    def __init__(self, model: Any, bound: Bound, columns: Collection[str], supply: Supply) -> None:
        self._model = model
        self._bound = bound
        self._columns = columns
        self._supply = supply

    def ready(self, x: Any, y: Any = None, weight: Any = None) -> tuple[Any, Any]:
        """Inputs with the teachers' predictions next to them, and labels.

        Raises:
            UsageError, DataError: with what is wrong with them.
        """
        x, y = self._checked(x, y, weight)
        return self._supply.beside(x, y), y

    def _checked(self, x: Any, y: Any, weight: Any) -> tuple[Any, Any]:
        x, y = without_pandas(x), without_pandas(y)
        check_columns(x, self._columns)
        check_columns(y, self._columns)
        check_rows(x, y, weight)
        if shapes := input_shapes(self._model):
            check_inputs(split_inputs(self._model, x, self._columns)[0], shapes)
        outputs = output_shapes(self._model)
        bound = self._bound
        if bound.ignore_class is None:
            y = zero_for_minus_one(y, outputs, classification=bound.classification)
        check_labels(
            y,
            outputs,
            classification=bound.classification,
            needs=bound.needs,
            ignore_class=bound.ignore_class,
        )
        return x, y

    def with_fitted_teachers(
        self, x: Any, y: Any, weight: Any, validation_data: Any, validation_split: float
    ) -> tuple[Any, Any]:
        """Fit the teachers that are not fitted yet on the rows of `fit` that train.

        Args:
            x, y, weight, validation_data, validation_split: as in Keras' `fit`.

        Returns:
            x and `validation_data`, with these teachers' predictions next to the inputs.

        Raises:
            UsageError, DataError, PluginError: what cannot be fitted on, in a sentence.
        """
        unfitted = self._supply.to_fit(x, y)
        if not unfitted:
            return x, validation_data
        if not is_arrays(without_pandas(x)):
            raise UsageError(
                f"The teacher '{unfitted[0].alias}' is not fitted, which needs x and y as arrays; "
                f"fit it before attach, or put its predictions into the batches as a column."
            )
        x, y = self._checked(x, y, weight)
        if isinstance(validation_data, (tuple, list)) and len(validation_data):
            held = (*validation_data, None, None)[:3]
            holdout = (*self._checked(*held), held[2])
            x, held_x = self._supply.fitted_on((x, y, weight), holdout)
            return x, (held_x, *validation_data[1:])
        if not validation_split:
            return self._supply.fitted_on((x, y, weight), None)[0], validation_data
        rows = len(keras.tree.flatten(x)[0])
        start = math.floor(rows * (1 - validation_split))
        parts = [part_of((x, y, weight), side) for side in (slice(start), slice(start, None))]
        train, held_x = self._supply.fitted_on(*parts)
        return joined(train, held_x), validation_data

    def weighted(self, x: Any, y: Any, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """`x` and the options of `fit` with a weight for each label in place of `class_weight`.

        Raises:
            UsageError: see `tfloss.keras_integration.class_weights`.
        """
        shape = None if options.get("class_weight") is None else self._only_output(x)
        return weighted_by_class(x, y, options, shape)

    def _only_output(self, x: Any) -> tuple[int | None, ...] | None:
        """The shape of the output; None where there are several. A row is shown where it must."""
        shapes = output_shapes(self._model)
        if not shapes:
            batch = next(iter(x)) if isinstance(x, tf.data.Dataset) else x
            batch = batch[0] if isinstance(batch, tuple) else batch
            own, _ = split_inputs(self._model, batch, self._columns)
            row = keras.tree.map_structure(lambda part: tf.convert_to_tensor(part[:1]), own)
            outputs = outputs_by_name(self._model, self._model(row))
            shapes = {name: tuple(output.shape) for name, output in outputs.items()}
        return shapes.get("")

    def held_out(self, given: Any) -> Any:
        """The same of `validation_data`, in whatever form it comes."""
        if not isinstance(given, (tuple, list)) or not given:
            return self._supply.beside(given)
        x, y, weight = (*given, None, None)[:3]
        if len(given) == 1:
            return (self.ready(x)[0],)
        return (*self.ready(x, y, weight), *given[2:])

    def warn_of_seen_rows(self, x: Any, validation_data: Any, validation_split: float) -> None:
        """Warn where a teacher was fitted on validation rows, as far as it stores its rows.

        Args:
            x, validation_data, validation_split: as in Keras' `fit`.
        """
        x = without_pandas(x)
        if not self._supply.teachers or not is_arrays(x):
            return
        if isinstance(validation_data, (tuple, list)) and len(validation_data):
            holdout = without_pandas(validation_data[0])
        elif validation_split and not isinstance(x, (Mapping, list, tuple)):
            start = math.floor(len(x) * (1 - validation_split))
            x, holdout = x[:start], x[start:]
        else:
            return
        if is_arrays(holdout):
            self._supply.warn_of_seen_rows(x, holdout)

    def lacks_nothing(self, x: Any, y: Any) -> bool:
        """Whether labels and columns are arrays in which nothing is missing.

        Args:
            x, y: as `ready` returns them.
        """
        if self._bound.ignore_class is not None or not is_arrays(x):
            return False
        return nothing_missing(split_inputs(self._model, x, self._columns)[1], y)

    def take_weights(self, weight: Any) -> None:
        """Refuse weights for each output; remember whether Keras will copy one array for all."""
        if isinstance(weight, (Mapping, list, tuple)):
            raise UsageError(WEIGHTS_BY_OUTPUT)
        self._bound.copied_weights |= weight is not None


def part_of(given: tuple[Any, Any, Any], rows: slice) -> tuple[Any, Any, Any]:
    """Some rows of x, y and weights; None stays None."""
    x, y, weight = keras.tree.map_structure(
        lambda array: None if array is None else np.asarray(array)[rows], given
    )
    return x, y, weight


def joined(first: Any, then: Any) -> Any:
    """Two structures of arrays, one after the other."""
    return keras.tree.map_structure(lambda a, b: np.concatenate([a, b]), first, then)
