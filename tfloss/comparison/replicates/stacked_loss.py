"""The losses of many replicates as one: a vectorised map over the loss of one student."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfloss.lazy import keras, tf
from tfloss.objective import Objective
from tfloss.student import Student
from tfloss.training.program.batch import Batch
from tfloss.training.program.forward import StudentLoss
from tfloss.training.program.replication import Share


class WeightedLoss(StudentLoss):
    """The loss of a student whose terms are multiplied by a variable.

    So formulas that differ in constant coefficients are one program, and each replicate has
    coefficients of its own. What the model itself adds is multiplied by 1.

    Attributes:
        coefficients: the variable, (terms,), 1 at first.
    """

    def __init__(self, student: Student, objective: Objective) -> None:
        super().__init__(student, objective)
        ones = np.ones(len(self.names), np.float32)
        self.coefficients = keras.Variable(ones, trainable=False, name="coefficients")

    @property
    def variables(self) -> list[Any]:
        return [*super().variables, self.coefficients]

    def measured(
        self, batch: Batch, step: Any, *, training: bool, share: Share | None = None
    ) -> tuple[list[Any], Any, dict[str, Any]]:
        terms, counts, outputs = super().measured(batch, step, training=training, share=share)
        coefficients = tf.unstack(tf.convert_to_tensor(self.coefficients.value))
        return [term * c for term, c in zip(terms, coefficients, strict=True)], counts, outputs


class StackedLoss:
    """What a `TrainStep` knows of R students: their variables, (R, …) each.

    Keras reads the variables of one student from a stateless scope, and `tf.vectorized_map` turns
    what happens to one replicate into what happens to all.

    Args:
        one: the loss of one student, built. Its own variables are not changed.
        count: R.

    Attributes:
        variables: of all replicates, in the order of `one.variables`, with the values of `one`.
    """

    def __init__(self, one: StudentLoss, count: int) -> None:
        self.one = one
        self.count = count
        self.names = one.names
        places = {id(variable): place for place, variable in enumerate(one.variables)}
        trained = [places[id(variable)] for variable in one.trainable_variables]
        self.variables = [
            keras.Variable(
                np.repeat(variable.numpy()[None], count, axis=0),
                dtype=variable.dtype,
                trainable=place in trained,
            )
            for place, variable in enumerate(one.variables)
        ]
        self.trainable_variables = [self.variables[place] for place in trained]

    @property
    def weights(self) -> list[Any]:
        return self.variables

    def build(self, row: Batch) -> None:
        """Nothing: `one` is built."""

    def terms(self, batch: Batch, step: Any, *, training: bool) -> list[Any]:
        return tf.unstack(self(batch, step, training=training)[1], axis=1)

    def total(self, values: Sequence[Any]) -> Any:
        return self.one.total(values)

    def counted(self, batch: Batch, step: Any) -> tuple[Any, Any]:
        """The terms, and over how many examples each is, twice (R, terms)."""

        def one(leaves: Any) -> Any:
            return self.one.counted(batch.with_leaves(leaves), step)

        return self.mapped(one, batch.leaves())  # type: ignore[no-any-return]

    def __call__(
        self, batch: Batch, step: Any, *, training: bool, share: Share | None = None
    ) -> tuple[Any, Any]:
        """The totals, (R,), and the terms, (R, terms)."""
        assert share is None  # all replicates are on one device

        def one(leaves: Any) -> Any:
            return self.one(batch.with_leaves(leaves), step, training=training)

        return self.mapped(one, batch.leaves(), changes=training)

    def mapped(
        self,
        function: Callable[[Any], Any],
        argument: Any,
        *,
        weights: Sequence[Any] | None = None,
        changes: bool = False,
    ) -> Any:
        """`function` of every replicate's own part of `argument`, with its own variables.

        Args:
            function: of one replicate.
            argument: tensors with a leading axis of replicates, in any structure.
            weights: the values of `variables`; default: those that they have.
            changes: whether the replicates keep what the function changes.
        """
        one = self.one.variables
        changed: list[int] = []

        def alone(arguments: Any) -> Any:
            values, own = arguments
            pairs = list(zip(one, values, strict=True))
            with keras.StatelessScope(state_mapping=pairs, collect_losses=True) as scope:
                before = [scope.get_current_value(variable) for variable in one]
                result = function(own)
            after = [scope.get_current_value(variable) for variable in one]
            changed[:] = [at for at in range(len(one)) if after[at] is not before[at]]
            return result, [after[at] for at in changed]

        if weights is None:
            weights = [variable.value for variable in self.variables]
        # Without the fall-back to a loop: what cannot be vectorised is better trained alone.
        result, after = tf.vectorized_map(
            alone, (list(weights), argument), fallback_to_while_loop=False, warn=False
        )
        if changes:
            for at, value in zip(changed, after, strict=True):
                self.variables[at].assign(value)
        return result
