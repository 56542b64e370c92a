"""`tfloss.Loss`: a formula of labels and predictions for `compile(loss=…)`."""

from __future__ import annotations

from typing import Any

from tfloss.errors import UsageError
from tfloss.formula import Node, as_node, to_text
from tfloss.keras_integration.batch_layout import as_labels, as_weight, mask_of
from tfloss.keras_integration.serialization import rebuilt
from tfloss.keras_integration.timesteps import rows_of_positions
from tfloss.lazy import keras, tf
from tfloss.objective import Entry, Objective, Scope
from tfloss.objective.evaluate import Evaluator
from tfloss.objective.plan import ReductionUse, ScheduleUse
from tfloss.objective.scope import Tensors
from tfloss.registry import registry_with
from tfloss.student.keras_internals import note_logits, note_mask
from tfloss.student.outputs import (
    logits_behind,
    output_tensors,
    refuse_hidden_probabilities,
)

_SEEN = ("labels", "logits", "probs", "prediction")
_MEAN, _SUM = "sum_over_batch_size", "sum"


@keras.saving.register_keras_serializable(package="tfloss")
class Loss(keras.losses.Loss):
    """A formula of labels and predictions as a Keras loss.

        model.compile("adam", loss=tfloss.Loss("bce + 0.5*focal(gamma=3)"))

    It sees `labels`, and the model's output as `logits`, `probs` and `prediction`; where the output
    is a sigmoid's or softmax's, the logits are taken from before it. A formula that needs more
    (inner tensors, weights, a teacher) belongs to `tfloss.attach`.

    Args:
        formula: text or tree.
        from_logits: whether the predictions are logits; None: found out.
        losses: declared with `tfloss.loss` in your program, in addition to those of the plugins.
        allow_negative: accept coefficients below zero.
        reduction: as in Keras: 'sum_over_batch_size', 'sum', 'mean_with_sample_weight', 'none'.
        name, dtype: as in Keras.

    Raises:
        FormulaError: the formula cannot be read, or an unknown name.
        UsageError: it needs more than labels and predictions, or the number of the step; or a loss
            about the whole batch cannot give a value per example.
    """

    def __init__(
        self,
        formula: str | Node,
        *,
        from_logits: bool | None = None,
        losses: Any = (),
        allow_negative: bool = False,
        reduction: str = _MEAN,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name or "tfloss", reduction=reduction, dtype=dtype)
        self.formula = to_text(as_node(formula))
        self.from_logits = from_logits
        self._allow_negative = allow_negative
        registry = registry_with(losses=losses)
        self._objective = Objective(formula, registry, _scope(), allow_negative=allow_negative)
        if self._objective.states:
            raise UsageError(
                f"The formula '{self.formula}' has a loss with variables of its own, which Keras "
                f"does not train in a loss; use tfloss.attach(model, {self.formula!r}) instead."
            )
        needs = self._objective.needs - {*_SEEN, "sample_weight"}
        if needs:
            raise UsageError(
                f"The formula '{self.formula}' needs {', '.join(map(repr, sorted(needs)))}, but a "
                f"Keras loss sees labels and predictions only; use "
                f"tfloss.attach(model, {self.formula!r}) instead."
            )
        schedules = [
            use.text
            for term in self._objective.terms
            for use in term.coefficient.walk()
            if isinstance(use, ScheduleUse)
        ]
        if schedules:
            raise UsageError(
                f"Keras tells a loss no step, so '{schedules[0]}' would stay where it starts; use "
                f"tfloss.attach(model, {self.formula!r}) instead."
            )
        self._classification = bool(self._objective.needs & {"logits", "probs"})
        self._per_example = all(_is_per_example(term) for term in self._objective.terms)
        if not self._per_example and reduction != _MEAN:
            raise UsageError(
                f"The formula '{self.formula}' has a value for the whole batch, which "
                f"reduction='{reduction}' cannot take apart; leave reduction out."
            )

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        weight, mask = as_weight(sample_weight), mask_of(y_pred)
        steps = max((part.shape.rank for part in (weight, mask) if part is not None), default=0)
        if self._per_example and steps > 1:
            return super().__call__(*self._by_step(y_true, y_pred, weight, mask))
        if self._per_example:
            return super().__call__(y_true, y_pred, sample_weight)
        tensors = self._tensors(y_true, y_pred)
        rows = rows_of_positions(tensors, {}, weight, mask, self._objective.needs)
        return self._objective(rows.tensors, present=rows.present, sample_weight=rows.weight).total

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """(batch,) float32: the weighted terms of every example, added up."""
        tensors = self._tensors(y_true, y_pred)
        evaluator = Evaluator(
            tensors=Tensors(tensors, self._objective.scope),
            scope=self._objective.scope,
            present={},
            weight=None,
            step=tf.constant(0.0),
            steps_per_epoch=1.0,
            mean=None,  # type: ignore[arg-type]  # nothing is reduced here
            states=self._objective.states,
        )
        return tf.add_n(
            [
                evaluator.coefficient(term.coefficient) * evaluator.losses(term.body).tensor
                for term in self._objective.terms
            ]
        )

    def _by_step(self, y_true: Any, y_pred: Any, weight: Any, mask: Any) -> tuple[Any, Any, Any]:
        """Labels, predictions and weights with a row for each step of which some are told apart."""
        labels = as_labels(y_true, y_pred, classification=self._classification)
        tensors = {"labels": labels, "prediction": y_pred, "logits": logits_behind(y_pred)}
        given = {name: tensor for name, tensor in tensors.items() if tensor is not None}
        rows = rows_of_positions(given, {}, weight, mask, set(given))
        predicted = rows.tensors["prediction"]
        if "logits" in given:
            note_logits(predicted, rows.tensors["logits"])
        if mask is not None:  # told to Keras as it tells us, since some reductions count rows
            note_mask(predicted, rows.present["prediction"])
        return rows.tensors["labels"], predicted, rows.weight

    def _tensors(self, y_true: Any, y_pred: Any) -> dict[str, Any]:
        labels = as_labels(y_true, y_pred, classification=self._classification)
        if self.from_logits is None and self._classification:
            refuse_hidden_probabilities("", y_pred)
        predicted = output_tensors(
            "", y_pred, classification=self._classification, from_logits=self.from_logits
        )
        return {"labels": labels, **predicted}

    def get_config(self) -> dict[str, Any]:
        return {
            "formula": self.formula,
            "from_logits": self.from_logits,
            "allow_negative": self._allow_negative,
            "reduction": self.reduction,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        return rebuilt(config["formula"], lambda losses: cls(losses=losses, **config))

    def _repr_latex_(self) -> str:
        return self._objective._repr_latex_()


def _scope() -> Scope:
    entries = [Entry(name, "Keras", known_outside=name == "labels") for name in _SEEN]
    weight = Entry("sample_weight", "1 unless given", (None,), _ones, known_outside=True)
    # Open, so that a tensor that only `attach` can supply gets a sentence that says so.
    return Scope([*entries, weight], open_ended=True, weights_known=False)


def _ones(tensors: Any) -> Any:
    return tf.ones(tf.shape(tensors["labels"])[:1], tf.float32)


def _is_per_example(term: Any) -> bool:
    """Whether a term has a value for each example, and nothing asks for the batch."""
    uses = list(term.body.walk())
    whole = any(isinstance(use, ReductionUse) for use in uses)
    batch = any(use.loss.per == "batch" for use in term.losses)
    return not whole and not batch
