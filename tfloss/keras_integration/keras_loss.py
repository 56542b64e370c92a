"""`tfloss.Loss`: a formula of labels and predictions for `compile(loss=…)`."""

from __future__ import annotations

from typing import Any

from tfloss.errors import UsageError
from tfloss.formula import Node, as_node, to_text
from tfloss.keras_integration.batch_layout import (
    as_labels,
    as_weight,
    mask_of,
    without_missing,
)
from tfloss.keras_integration.serialization import rebuilt
from tfloss.keras_integration.timesteps import Rows, rows_of_positions
from tfloss.lazy import keras, tf
from tfloss.objective import Entry, Objective, Scope
from tfloss.objective.evaluate import Evaluator
from tfloss.objective.plan import ReductionUse, ScheduleUse
from tfloss.objective.scope import Tensors
from tfloss.registry import registry_with
from tfloss.student import with_networks
from tfloss.student.outputs import (
    log_odds_of,
    output_tensors,
    refuse_hidden_probabilities,
)

_SEEN = ("labels", "logits", "probs", "prediction")
_MEAN, _SUM = "sum_over_batch_size", "sum"


class _Given(keras.losses.Loss):
    """Keras' own reduction of values that are there already."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        del y_true
        return y_pred


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
        ignore_class: the class number of labels that are missing, as 255 or -1.
        losses: declared with `tfloss.loss` in your program, in addition to those of the plugins.
        networks: frozen networks that the formula calls, by name; as for `tfloss.attach`.
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
        ignore_class: int | None = None,
        losses: Any = (),
        networks: Any = None,
        allow_negative: bool = False,
        reduction: str = _MEAN,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name or "tfloss", reduction=reduction, dtype=dtype)
        self.formula = to_text(as_node(formula))
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self._keras = _Given(name="given", reduction=reduction, dtype=dtype)
        self._allow_negative = allow_negative
        registry = with_networks(registry_with(losses=losses), networks)
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
        y_pred = y_pred if tf.is_tensor(y_pred) else tf.convert_to_tensor(y_pred)
        rows = self._rows(y_true, y_pred, as_weight(sample_weight), mask_of(y_pred))
        if not self._per_example:
            return self._objective(
                rows.tensors,
                present=rows.present,
                masks=rows.masks,
                by_element=self._odds(y_pred, rows),
                sample_weight=rows.weight,
            ).total
        terms = self._terms(rows, self._odds(y_pred, rows))
        by_step = rows.weight is not None and rows.weight.shape.rank == 1 and rows.flattened
        weight = rows.weight if by_step or sample_weight is None else sample_weight
        terms = [self._reduced(*term, weight, rows.weight) for term in terms]
        return terms[0] if len(terms) == 1 else tf.add_n(terms)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """(batch,) float32: the weighted terms of every example, added up; 0 where missing."""
        rows = self._rows(y_true, y_pred, None, None)
        terms = self._terms(rows, self._odds(y_pred, rows))
        return tf.add_n([values if share is None else values * share for values, share in terms])

    def _rows(self, y_true: Any, y_pred: Any, weight: Any, mask: Any) -> Rows:
        """Tensors by name, with a row for each step where a mask or weights tell some apart."""
        tensors = self._tensors(y_true, y_pred)
        tensors["labels"], there = without_missing(tensors["labels"])
        present = {} if there is None else {"labels": there}
        masks = {} if mask is None else dict.fromkeys(_SEEN, mask)
        steps = mask is not None and mask.shape.rank > 1 and self._per_example
        if steps and (weight is None or weight.shape.rank == 1):
            # As Keras does, whose other reductions count a masked step's weight.
            weight = tf.ones_like(mask) if weight is None else weight[:, None] * tf.ones_like(mask)
        return rows_of_positions(tensors, present, weight, masks, {*_SEEN})

    def _terms(self, rows: Rows, by_element: dict[str, Any]) -> list[tuple[Any, Any]]:
        """Each term: (rows,) as weighted, and the share of each row that is there, or None."""
        evaluator = Evaluator(
            tensors=Tensors(rows.tensors, self._objective.scope),
            scope=self._objective.scope,
            present=rows.present,
            masks=rows.masks,
            by_element=by_element,
            weight=None,
            step=tf.constant(0.0),
            steps_per_epoch=1.0,
            mean=None,  # type: ignore[arg-type]  # nothing is reduced here
            states=self._objective.states,
            parts=self._objective.parts,
        )
        terms = []
        for term in self._objective.terms:
            value = evaluator.losses(term.body)
            terms.append((evaluator.coefficient(term.coefficient) * value.tensor, value.present))
        return terms

    def _reduced(self, values: Any, share: Any, weight: Any, by_row: Any) -> Any:
        """Keras' reduction of one term; what is missing counts in no mean.

        Args:
            values: (rows,).
            share: (rows,), how much of each is there; None: all.
            weight: as Keras handed it over.
            by_row: the same, a number or (rows,).
        """
        if share is None:
            return self._keras(values, values, weight)
        rows = tf.ones_like(values)
        given = rows if by_row is None else by_row * rows
        if self.reduction in (_SUM, "none", None):
            scale = tf.constant(1.0)
        elif self.reduction == "mean_with_sample_weight" and weight is not None:
            scale = tf.math.divide_no_nan(tf.reduce_sum(given), tf.reduce_sum(given * share))
        else:
            scale = tf.math.divide_no_nan(tf.reduce_sum(rows), tf.reduce_sum(share))
        values = values * share * scale
        return self._keras(values, values, weight)

    def _tensors(self, y_true: Any, y_pred: Any) -> dict[str, Any]:
        labels = as_labels(
            y_true,
            y_pred,
            classification=self._classification,
            ignore_class=self.ignore_class if self._classification else None,
        )
        if self.from_logits is None and self._classification:
            refuse_hidden_probabilities("", y_pred)
        predicted = output_tensors(
            "", y_pred, classification=self._classification, from_logits=self.from_logits
        )
        return {"labels": labels, **predicted}

    def _odds(self, y_pred: Any, rows: Rows) -> dict[str, Any]:
        if self.from_logits is not False:
            return {}
        return {name: rows.flat(tensor) for name, tensor in log_odds_of("", y_pred).items()}

    def get_config(self) -> dict[str, Any]:
        return {
            "formula": self.formula,
            "from_logits": self.from_logits,
            "ignore_class": self.ignore_class,
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
