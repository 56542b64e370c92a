"""One forward pass of the student and the value of the objective on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfloss.lazy import tf
from tfloss.objective import Objective, total_of
from tfloss.student import Student
from tfloss.training.program.batch import unpacked

MODEL_TERM = "model_losses"  # what the model itself adds: regularizers and add_loss


class Measure:
    """From a batch of columns to the total and each term.

    Attributes:
        names: the objective's terms, and `model_losses` where the model adds losses of its own.
    """

    def __init__(self, student: Student, objective: Objective) -> None:
        self.objective = objective
        self.student = student
        self.forward = student.tapped(objective.needs)
        self.adds_losses = bool(student.forward_model.losses)
        self.names = objective.names + ((MODEL_TERM,) if self.adds_losses else ())

    @property
    def trainable_variables(self) -> list[Any]:
        """What training changes: the student's weights, and what losses hold."""
        return [
            *self.student.forward_model.trainable_variables,
            *self.objective.trainable_variables,
        ]

    @property
    def weights(self) -> list[Any]:
        """What has to be finite after every step: the student's, and what losses train."""
        return [*self.student.forward_model.variables, *self.objective.trainable_variables]

    @property
    def variables(self) -> list[Any]:
        """Everything that a step can change, but the optimizer's own."""
        return [*self.student.forward_model.variables, *self.objective.variables.values()]

    def __call__(self, batch: Mapping[str, Any], step: Any, *, training: bool) -> tuple[Any, Any]:
        """The total, a scalar, and the terms, (len(names),), both float32."""
        terms = self.terms(batch, step, training=training)
        return total_of(terms), tf.stack(terms)

    def terms(self, batch: Mapping[str, Any], step: Any, *, training: bool) -> list[Any]:
        """Each term, a scalar float32, apart from the others."""
        return self.terms_and_outputs(batch, step, training=training)[0]

    def terms_and_outputs(
        self, batch: Mapping[str, Any], step: Any, *, training: bool
    ) -> tuple[list[Any], dict[str, Any]]:
        """Each term, and what the student's forward pass gave by name, `logits` among it."""
        columns, present, weight = unpacked(batch)
        outputs = dict(self.forward(columns["inputs"], training=training))
        tensors: dict[str, Any] = outputs | columns
        tensors["weights"] = self.student.weights
        outcome = self.objective(
            tensors, present=present, sample_weight=weight, step=step, training=training
        )
        terms = list(outcome.terms)
        if self.adds_losses:
            terms.append(total_of([tf.cast(loss, tf.float32) for loss in self.forward.losses]))
        return terms, outputs
