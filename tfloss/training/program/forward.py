"""One forward pass and the value of the loss on it."""

from __future__ import annotations

from typing import Any, Protocol

from tfloss.lazy import tf
from tfloss.objective import Objective, total_of
from tfloss.student import Student
from tfloss.training.program.batch import Batch

MODEL_TERM = "model_losses"  # what the model itself adds: regularizers and add_loss


class ForwardLoss(Protocol):
    """From a batch to the total and each term: all that a train step knows of a model.

    `StudentLoss` is the one of a student and an objective; an attached Keras model has its own.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """Of the terms."""

    @property
    def variables(self) -> list[Any]:
        """Everything that a step can change, except for the optimizer's own."""

    @property
    def trainable_variables(self) -> list[Any]:
        """What is trained: the weights of the model, and the variables of losses."""

    @property
    def weights(self) -> list[Any]:
        """What has to be finite after every step."""

    def build(self, row: Batch) -> None:
        """Make the variables that are made at the first look at the data.

        Args:
            row: one row of the data.
        """

    def terms(self, batch: Batch, step: Any, *, training: bool) -> list[Any]:
        """Each term, a scalar float32, apart from the others."""

    def __call__(self, batch: Batch, step: Any, *, training: bool) -> tuple[Any, Any]:
        """The total, a scalar, and the terms, (len(names),), both float32.

        Args:
            batch: the rows.
            step: steps done so far, for schedules.
            training: whether layers and losses behave as in training.
        """


class StudentLoss:
    """The loss of a student by an objective.

    Attributes:
        names: the objective's terms, and `model_losses` where the model adds losses of its own.
    """

    def __init__(self, student: Student, objective: Objective) -> None:
        self.objective = objective
        self.student = student
        self._tapped = student.tapped(objective.needs)
        self._adds_losses = bool(student.forward_model.losses)
        self.names = objective.names + ((MODEL_TERM,) if self._adds_losses else ())

    @property
    def network(self) -> Any:
        """The layers."""
        return self.student.forward_model

    @property
    def trainable_variables(self) -> list[Any]:
        return [
            *self.student.forward_model.trainable_variables,
            *self.objective.trainable_variables,
        ]

    @property
    def weights(self) -> list[Any]:
        return [*self.student.forward_model.variables, *self.objective.trainable_variables]

    @property
    def variables(self) -> list[Any]:
        return [*self.student.forward_model.variables, *self.objective.variables.values()]

    def build(self, row: Batch) -> None:
        if self.objective.states:
            self(row, tf.constant(0), training=False)

    def __call__(self, batch: Batch, step: Any, *, training: bool) -> tuple[Any, Any]:
        terms = self.terms(batch, step, training=training)
        return self.objective.total(terms), tf.stack(terms)

    def terms(self, batch: Batch, step: Any, *, training: bool) -> list[Any]:
        return self.terms_and_outputs(batch, step, training=training)[0]

    def terms_and_outputs(
        self, batch: Batch, step: Any, *, training: bool
    ) -> tuple[list[Any], dict[str, Any]]:
        """Each term, and what the student's forward pass gave by name, `logits` among it."""
        outputs = dict(self._tapped(batch.tensors["inputs"], training=training))
        tensors: dict[str, Any] = outputs | batch.tensors
        tensors["weights"] = self.student.weights
        outcome = self.objective(
            tensors,
            present=batch.present,
            sample_weight=batch.weight,
            step=step,
            training=training,
        )
        terms = list(outcome.terms)
        if self._adds_losses:
            terms.append(total_of([tf.cast(loss, tf.float32) for loss in self._tapped.losses]))
        return terms, outputs
