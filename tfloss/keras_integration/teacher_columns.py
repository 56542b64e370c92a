"""The columns of an attached model: declared ones, and answers of its teachers."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from tfloss.errors import UsageError
from tfloss.keras_integration.binding import Bound
from tfloss.keras_integration.teacher_fitting import (
    TeacherFitting,
    TeacherToFit,
    as_prepared,
    tensors_for,
)
from tfloss.keras_integration.teachers import ask, ask_in_step, rows_for_estimator
from tfloss.keras_integration.validation import in_memory, is_arrays
from tfloss.lazy import keras, tf
from tfloss.student.structures import INPUTS, split_inputs
from tfloss.teachers.prefitted import stored_holdout_rows


class Supply:
    """Asks teachers for what the formula needs of them.

    About arrays each is asked once, before a training. Of a `tf.data.Dataset` every batch is shown
    to a scikit-learn estimator as it comes by. A Keras model answers within the step for whatever
    else comes.

    Args:
        model: the student.
        bound: the formula on it.
        columns: the names of all columns, declared and of teachers.
        teachers: by name.
        fitting: fits those that are not fitted yet.
    """

    def __init__(
        self,
        model: Any,
        bound: Bound,
        columns: Collection[str],
        teachers: Mapping[str, Any],
        fitting: TeacherFitting,
    ) -> None:
        self._model = model
        self._bound = bound
        self._columns = columns
        self.teachers = dict(teachers)
        self._fitting = fitting

    def fitted_on(
        self, train: tuple[Any, Any, Any], holdout: tuple[Any, Any, Any] | None
    ) -> tuple[Any, Any]:
        """Fit the teachers that are not fitted; their predictions are put next to the inputs.

        Args:
            train: x, y and sample weights of the rows that train, arrays.
            holdout: the same of the validation rows; None: there are none.

        Returns:
            x of both, with the columns that the formula needs.

        Raises:
            UsageError, DataError, PluginError: see `as_prepared` and `fit_teachers`.
        """
        unfitted = self.to_fit(*train[:2])
        if not unfitted:
            return train[0], None if holdout is None else holdout[0]
        width = self._bound.width(self._inputs(train[0]))
        if _labels(train[1]) is None:
            raise UsageError(
                f"The teacher '{unfitted[0].alias}' is fitted on labels; pass y to fit."
            )
        for one in unfitted:
            sides = [
                (self._rows_of(one.alias, x), _labels(y), weight)
                for x, y, weight in filter(None, (train, holdout))
            ]
            data = as_prepared(
                sides[0],
                sides[1] if len(sides) > 1 else None,
                width=width,
                classification=self._bound.classification,
                name=self._model.name,
            )
            self._fitting.fit(one, data)
        needs = self._bound.needs
        x = self._with(train[0], tensors_for(unfitted, needs, "train"))
        if holdout is None:
            return x, None
        return x, self._with(holdout[0], tensors_for(unfitted, needs, "holdout"))

    def to_fit(self, x: Any, y: Any) -> list[TeacherToFit]:
        """The teachers that `fit` has to fit, because the data do not have their predictions."""
        wanted = self._wanted(x, y).values()
        return [one for one in wanted if isinstance(one, TeacherToFit)]

    def _width(self, wanted: Collection[str], inputs: Any) -> int | None:
        """The columns of the model's output; None where only layers of teachers are named."""
        if any({alias, f"{alias}.logits", f"{alias}.std"} & self._bound.needs for alias in wanted):
            return self._bound.width(inputs)
        return None

    def _inputs_of(self, alias: str, x: Any) -> Any:
        """What a teacher is asked about: its own inputs where they are there, else the model's."""
        own = f"{alias}.{INPUTS}"
        if isinstance(x, Mapping) and own in x:
            return x[own]
        return split_inputs(self._model, x, self._columns)[0]

    def _rows_of(self, alias: str, x: Any) -> np.ndarray:
        return rows_for_estimator(alias, self._inputs_of(alias, in_memory(x)))

    def _inputs(self, x: Any) -> Any:
        return split_inputs(self._model, in_memory(x), self._columns)[0]

    def beside(self, x: Any, y: Any = None) -> Any:
        """`x` with the answers next to the inputs, as a dictionary; or a dataset of such batches.

        Args:
            x: an array (n, …), a dictionary of inputs and columns, or a `tf.data.Dataset`; with
                'NAME.inputs' in the dictionary, that is what the teacher NAME is asked about.
            y: may hold columns too; a teacher whose answers are there is not asked.
        """
        if isinstance(x, tf.data.Dataset):
            return self._of_dataset(x)
        wanted = self._wanted(x, y)
        if not wanted or not is_arrays(x):
            return x
        width = self._width(wanted, self._inputs(x))
        columns: dict[str, Any] = {}
        for alias, teacher in wanted.items():
            columns |= self._ask(alias, teacher, self._inputs_of(alias, in_memory(x)), width)
        return self._with(x, columns)

    def warn_of_seen_rows(self, train: Any, holdout: Any) -> None:
        """Warn where a teacher stores rows that are held out: it was fitted on them.

        Args:
            train: inputs of `fit`, arrays.
            holdout: inputs of its validation data, arrays.
        """
        parts = [
            split_inputs(self._model, in_memory(x), self._columns)[0] for x in (train, holdout)
        ]
        if any(isinstance(part, Mapping | list | tuple) for part in parts):
            return  # several inputs, for which no estimator can predict
        rows = [np.asarray(part).reshape(len(part), -1) for part in parts]
        for alias, teacher in self._wanted(train, None, networks=False).items():
            if isinstance(teacher, TeacherToFit):
                continue  # fitted on the training rows alone
            seen = stored_holdout_rows(teacher, *rows)
            if seen:
                warnings.warn(
                    f"The teacher '{alias}' was fitted on {seen} of the {len(rows[1])} validation "
                    f"rows, so val_loss flatters it and the model; fit it on other rows.",
                    stacklevel=2,
                )

    def in_step(self, x: Any, y: Any, width: int | None) -> dict[str, Any]:
        """What Keras models answer about a batch whose columns do not have it."""
        networks = self._wanted(x, y, networks=True)
        if not networks:
            return {}
        asked = any({alias, f"{alias}.logits"} & self._bound.needs for alias in networks)
        if asked and width is None:
            raise UsageError("A teacher answers for a model with one output; this one has several.")
        columns: dict[str, Any] = {}
        for alias, teacher in networks.items():
            needs, classes = self._bound.needs, self._bound.classification
            inputs = self._inputs_of(alias, x)
            columns |= ask_in_step(alias, teacher, inputs, width if asked else None, needs, classes)
        return columns

    def _ask(self, alias: str, teacher: Any, inputs: Any, width: int | None) -> dict[str, Any]:
        return ask(alias, teacher, inputs, width, self._bound.needs, self._bound.classification)

    def _wanted(self, x: Any, y: Any, *, networks: bool | None = None) -> dict[str, Any]:
        """The teachers whose answers the formula needs and the data do not have."""
        found = {}
        for alias, teacher in self.teachers.items():
            given = any(isinstance(part, Mapping) and alias in part for part in (x, y))
            kind = networks is None or isinstance(teacher, keras.Model) == networks
            if kind and not given and self._columns_of(alias):
                found[alias] = teacher
        return found

    def _columns_of(self, alias: str) -> list[str]:
        return sorted(n for n in self._bound.needs if n == alias or n.startswith(f"{alias}."))

    def _of_dataset(self, dataset: Any) -> Any:
        """The same batches with the estimators' answers; asked again in every epoch."""
        spec = dataset.element_spec
        parts = spec if isinstance(spec, tuple) else (spec,)
        x, y = (*parts, None)[:2]
        wanted = self._wanted(x, y, networks=False)
        if not wanted:
            return dataset
        first = next(iter(dataset.take(1)))
        inputs, _ = split_inputs(
            self._model, first[0] if isinstance(first, tuple) else first, self._columns
        )
        width = self._bound.width(inputs)

        def with_answers(*batch: Any) -> Any:
            columns: dict[str, Any] = {}
            for alias, teacher in wanted.items():
                inputs = self._inputs_of(alias, batch[0])
                columns |= self._of_batch(alias, teacher, inputs, width)
            return (self._with(batch[0], columns), *batch[1:])

        return dataset.map(with_answers)

    def _of_batch(self, alias: str, teacher: Any, inputs: Any, width: int) -> dict[str, Any]:
        names = self._columns_of(alias)

        def answer(rows: Any) -> list[Any]:
            found = self._ask(alias, teacher, rows, width)
            return [found[name] for name in names]

        if len(keras.tree.flatten(inputs)) != 1:
            self._ask(alias, teacher, inputs, width)  # says why it cannot
        answers = tf.numpy_function(answer, [inputs], [tf.float32] * len(names))
        for tensor in answers:
            tensor.set_shape((None, width))
        return dict(zip(names, answers, strict=True))

    def _with(self, x: Any, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Inputs and columns in one dictionary."""
        if isinstance(x, Mapping):
            return {**x, **columns}
        return {"inputs": x, **columns}


def _labels(y: Any) -> Any:
    """The labels among what `fit` takes as y; None where there are none."""
    if isinstance(y, Mapping):
        return y.get("labels")
    return y[0] if isinstance(y, (list, tuple)) else y
