"""One forward pass and the value of the loss on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from tfloss.lazy import tf
from tfloss.objective import Objective, total_of
from tfloss.student import Student
from tfloss.student.averaged import computing_with
from tfloss.training.program.batch import Batch
from tfloss.training.program.replication import Share

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

    def total(self, values: Sequence[Any]) -> Any:
        """The sum of what is logged; see `Objective.total`."""

    def counted(self, batch: Batch, step: Any) -> tuple[Any, Any]:
        """The terms of rows that are evaluated, and over how many examples each is, (terms,)."""

    def __call__(
        self, batch: Batch, step: Any, *, training: bool, share: Share | None = None
    ) -> tuple[Any, Any]:
        """The total, a scalar, and the terms, (len(names),), both float32.

        Args:
            batch: the rows.
            step: steps done so far, for schedules.
            training: whether layers and losses behave as in training.
            share: what this replica computes of them; default: all.
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
        self._averaged = student.tapped(objective.averaged) if objective.averaged else None
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
            # Traced and never run: what a formula names may work within a compiled step only.
            tf.function(
                lambda: self(row, tf.constant(0), training=False), autograph=False
            ).get_concrete_function()

    def __call__(
        self, batch: Batch, step: Any, *, training: bool, share: Share | None = None
    ) -> tuple[Any, Any]:
        terms = self.measured(batch, step, training=training, share=share)[0]
        return self.total(terms), tf.stack(terms)

    def total(self, values: Sequence[Any]) -> Any:
        return self.objective.total(values)

    def terms(self, batch: Batch, step: Any, *, training: bool) -> list[Any]:
        return self.terms_and_outputs(batch, step, training=training)[0]

    def counted(self, batch: Batch, step: Any) -> tuple[Any, Any]:
        terms, counts, _ = self.measured(batch, step, training=False)
        return tf.stack(terms), counts

    def terms_and_outputs(
        self, batch: Batch, step: Any, *, training: bool
    ) -> tuple[list[Any], dict[str, Any]]:
        """Each term, and what the student's forward pass gave by name, `logits` among it."""
        terms, _, outputs = self.measured(batch, step, training=training)
        return terms, outputs

    def measured(
        self, batch: Batch, step: Any, *, training: bool, share: Share | None = None
    ) -> tuple[list[Any], Any, dict[str, Any]]:
        """The same, and over how many examples each term is a mean, (terms,), next to last."""
        rows = tf.cast(tf.shape(batch.tensors["inputs"])[0], tf.float32)
        batch = batch if share is None else share.own(batch)
        outputs = dict(self._tapped(batch.tensors["inputs"], training=training))
        losses = self._tapped.losses if self._adds_losses else []
        added = [tf.cast(loss, tf.float32) for loss in losses]

        def tensors(outputs: Mapping[str, Any]) -> dict[str, Any]:
            return {**outputs, **batch.tensors, "weights": self.student.weights}

        def again() -> dict[str, Any]:
            return {"tensors": tensors(self._tapped(batch.tensors["inputs"], training=training))}

        outcome = self.objective(
            tensors(outputs),
            present=batch.present,
            sample_weight=batch.weight,
            step=step,
            training=training,
            student=partial(self._with_weights, batch.tensors["inputs"]),
            replicas=share,
            again=again,
        )
        terms = list(outcome.terms)
        if self._adds_losses:
            own = total_of(added)
            terms.append(own if share is None else share.whole({MODEL_TERM: own})[MODEL_TERM])
        counts = [rows if count is None else count for count in outcome.counts]
        return terms, tf.stack(counts + [rows] * (len(terms) - len(counts))), outputs

    def _with_weights(self, inputs: Any, weights: Mapping[str, Any]) -> dict[str, Any]:
        """The student's tensors with other weights, as in an evaluation."""
        assert self._averaged is not None
        with computing_with(self.student.forward_model, self.student.weights, weights):
            return dict(self._averaged(inputs, training=False))
