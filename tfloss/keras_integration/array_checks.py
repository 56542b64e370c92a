"""What `fit` and `evaluate` of an attached model do with their data before Keras sees them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from tfloss.errors import UsageError
from tfloss.keras_integration.batch_layout import WEIGHTS_BY_OUTPUT
from tfloss.keras_integration.binding import Bound
from tfloss.keras_integration.structures import input_shapes, output_shapes, split_inputs
from tfloss.keras_integration.teacher_columns import Supply
from tfloss.keras_integration.validation import (
    check_columns,
    check_inputs,
    check_labels,
    check_rows,
    is_arrays,
    without_pandas,
)


class ArrayChecks:
    """Refuses what no batch could make sense of, and puts teachers' answers beside the inputs.

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
        """Inputs with the teachers' answers beside them, and labels.

        Raises:
            UsageError, DataError: with what is wrong with them.
        """
        x, y = without_pandas(x), without_pandas(y)
        check_columns(x, self._columns)
        check_columns(y, self._columns)
        check_rows(x, y, weight)
        if shapes := input_shapes(self._model):
            check_inputs(split_inputs(self._model, x, self._columns)[0], shapes)
        outputs = output_shapes(self._model)
        bound = self._bound
        check_labels(y, outputs, classification=bound.classification, needs=bound.needs)
        return self._supply.beside(x, y), y

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

    def take_weights(self, weight: Any) -> None:
        """Refuse weights for each output; remember whether Keras will copy one array for all."""
        if isinstance(weight, (Mapping, list, tuple)):
            raise UsageError(WEIGHTS_BY_OUTPUT)
        self._bound.copied_weights |= weight is not None
