"""One step of an attached model, as Keras' `fit` takes it: forward, formula, gradients, metrics."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from tfloss.errors import TflossError
from tfloss.keras_integration.binding import Bound
from tfloss.keras_integration.guarded_steps import GuardedSteps, specs_of
from tfloss.keras_integration.loss_variables import LossVariables
from tfloss.keras_integration.metrics import add_to_mean, update_metrics
from tfloss.keras_integration.single_step import single_step, takes_single_steps
from tfloss.keras_integration.teacher_columns import Supply
from tfloss.lazy import keras, tf
from tfloss.objective import total_of
from tfloss.objective.across_replicas import Replicas
from tfloss.student.keras_internals import (
    batches_done,
    compiled_metrics,
    graph_of,
    input_structure,
    loss_tracker,
    metrics_of_its_own,
)
from tfloss.student.structures import (
    in_models_precision,
    input_shapes,
    output_shapes,
    split_inputs,
)
from tfloss.training.program.custom_gradients import forgotten_gradients
from tfloss.training.program.forward import MODEL_TERM


class AttachedStep(keras.Model):
    """The steps of an attached model, for training and for evaluation.

    Attributes:
        model: the model inside; it shares its weights.
        term_trackers: a metric for each term, and one for what the model adds of its own.
    """

    model: Any
    term_trackers: list[Any]
    _bound: Bound
    _supply: Supply
    _guarded: GuardedSteps
    _loss_variables: LossVariables
    _columns: tuple[str, ...]
    _adds_losses: bool
    train_function: Any
    test_function: Any

    def make_train_function(self, force: bool = False) -> None:
        complete = self._bound.completeness
        if self.train_function is not None and not force and complete.suits("train"):
            return
        super().make_train_function(True)
        function = self._one_by_one(self.train_step, self.train_function)
        self.train_function = self._guarded.around(complete.around("train", function))

    def make_test_function(self, force: bool = False) -> None:
        complete = self._bound.completeness
        if self.test_function is not None and not force and complete.suits("test"):
            return
        super().make_test_function(True)
        function = self._one_by_one(self.test_step, self.test_function)
        self.test_function = complete.around("test", function)

    def _one_by_one(self, step: Any, function: Any) -> Any:
        return single_step(step, function) if takes_single_steps(self) else function

    def train_step(self, data: Any) -> dict[str, Any]:
        with forgotten_gradients():
            return self._guarded.step(lambda: self._update(data), self.get_metrics_result, data)

    def _update(self, data: Any) -> Any:
        """One step: forward, gradients, update; returns (1 + terms,), the total and the terms."""
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            outputs, total, terms = self._measured(x, y, weight, training=True)
            # Replicas' gradients are added up, each of a mean over its own share of the batch.
            count = tf.distribute.get_strategy().num_replicas_in_sync
            scaled = self.optimizer.scale_loss(total if count == 1 else total / count)
        variables = self.trainable_weights
        if variables:
            gradients = tape.gradient(scaled, variables)
            self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        self.update_metrics(y, outputs, weight)
        return tf.stack([total, *terms])

    def test_step(self, data: Any) -> dict[str, Any]:
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        outputs, _, _ = self._measured(x, y, weight, training=False)
        return self.compute_metrics(x, y, outputs, sample_weight=weight)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The objective on a batch; the model runs for its inner tensors, `y_pred` is not used."""
        del y_pred
        _, total, _, _ = self.evaluated(x, y, sample_weight, training)
        return total

    def _measured(self, x: Any, y: Any, weight: Any, *, training: bool) -> tuple[Any, Any, Any]:
        """One forward pass: outputs, total and terms, which the trackers have seen."""
        outputs, total, terms, rows = self.evaluated(x, y, weight, training)
        rows = tf.cast(rows, tf.float32)
        add_to_mean(loss_tracker(self), total, rows)
        counts = [rows] * len(terms) if training else self.counts_of(terms, rows)
        for tracker, value, count in zip(self.term_trackers, terms, counts, strict=False):
            add_to_mean(tracker, value, count)
        return outputs, total, terms

    def counts_of(self, terms: list[Any], rows: Any) -> list[Any]:
        """Over how many examples each term of the last batch is a mean, float32 scalars."""
        rows = tf.cast(rows, tf.float32)
        counts = [rows if count is None else count for count in self._bound.counts]
        return counts + [rows] * (len(terms) - len(counts))

    def evaluated(
        self, x: Any, y: Any, weight: Any, training: bool, replicas: Replicas | None = None
    ) -> tuple[Any, Any, list[Any], Any]:
        """Outputs, the total, each term, and the number of rows: one forward pass."""
        split_inputs(self.model, x, self._columns)  # refused here, in one sentence, not in a call
        x = in_models_precision(self.model, x, self._columns)
        optimizer = getattr(self, "optimizer", None)
        step = 0 if optimizer is None else batches_done(optimizer)
        outputs, terms, rows = self._bound.measure(
            lambda: self(x, training=training),
            x,
            y,
            weight,
            step=step,
            training=training,
            ask=lambda width: self._supply.in_step(x, y, width),
            replicas=replicas,
        )
        if self._bound.states:
            self._loss_variables.track()
        added = self.losses
        self._adds_losses = bool(added)
        if added:
            own = total_of([tf.cast(tf.reduce_sum(loss), tf.float32) for loss in added])
            terms.append(own if replicas is None else replicas.whole({MODEL_TERM: own})[MODEL_TERM])
        return outputs, self._bound.objective.total(terms), terms, rows

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        self.update_metrics(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def update_metrics(self, y: Any, y_pred: Any, weight: Any) -> None:
        """Show a batch to the metrics of `compile`."""
        metrics = compiled_metrics(self)
        if metrics is not None:
            update_metrics(metrics, self.model, self._columns, self._bound.needs, y, y_pred, weight)

    @property
    def metrics(self) -> list[Any]:
        """Keras' list, and the metrics that the model inside updates in its `call`.

        Without the tracker of losses that the model never adds: Keras resets all of them, one
        variable after the other, before each epoch and each evaluation.
        """
        found: list[Any] = super().metrics
        if not self._adds_losses:
            found = [metric for metric in found if metric is not self.term_trackers[-1]]
        return [*found, *(m for m in metrics_of_its_own(self.model) if m not in found)]

    def get_metrics_result(self) -> dict[str, Any]:
        results: dict[str, Any] = super().get_metrics_result()
        if not self._adds_losses:
            results.pop(MODEL_TERM, None)
        if any(count is not None for count in self._bound.counts) and "loss" in results:
            # Terms are evaluated as means over what is there for each, and add up to the loss.
            logged = [results[name] for name in self.logged_terms]
            results["loss"] = self._bound.objective.total(logged)
        return results

    def make_variables(self, batch: Callable[[], Any]) -> None:
        """Make all variables that a step needs, of metrics, losses and the optimizer among them.

        Args:
            batch: what a step gets, (x, y, weight), or its specs; asked for where it is needed.
        """
        metrics, states = compiled_metrics(self), self._bound.states
        unmade = states and not self._bound.objective.variables
        if not self.model.built or unmade or (metrics is not None and not metrics.built):
            tf.function(self._rehearse, autograph=False).get_concrete_function(specs_of(batch()))
        if not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)

    def make_loss_variables_early(self) -> None:
        """Make the losses' variables where their shapes are known before there are data.

        So that a callback that restores weights before the first step finds them.
        """
        graph = graph_of(self.model)
        if graph is None or not self._bound.states or self._bound.objective.variables:
            return
        shapes = input_shapes(self.model).values()
        x = keras.tree.pack_sequence_as(
            input_structure(graph), [tf.TensorSpec(shape, "float32") for shape in shapes]
        )
        y = {n: tf.TensorSpec(shape, "float32") for n, shape in output_shapes(self.model).items()}
        labels = y[""] if list(y) == [""] else y
        # Columns have shapes that only the data know.
        with contextlib.suppress(TflossError, TypeError, ValueError):
            tf.function(
                lambda rows, targets: self.evaluated(rows, targets, None, False)[1], autograph=False
            ).get_concrete_function(x, labels)

    def _rehearse(self, data: Any) -> None:
        """All that makes variables; traced, never run."""
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        outputs = self.evaluated(x, y, weight, True)[0]
        self.update_metrics(y, outputs, weight)

    @property
    def weights_to_guard(self) -> list[Any]:
        """What has to be finite after every step: the model's weights, and what losses train."""
        return [*self.model.variables, *self._bound.objective.trainable_variables]

    # -- what the formula adds -------------------------------------------------------------------
    @property
    def term_names(self) -> tuple[str, ...]:
        """The names of the terms, as they are logged."""
        return self._bound.names

    @property
    def term_counts(self) -> tuple[Any, ...]:
        """Over how many examples each term of the last batch is a mean; None: over all."""
        return self._bound.counts

    @property
    def logged_terms(self) -> tuple[str, ...]:
        """The same, and `model_losses` where the model was seen to add losses of its own."""
        return (*self.term_names, MODEL_TERM) if self._adds_losses else self.term_names

    @property
    def objective(self) -> Any:
        """The formula bound to the model: shows itself in a notebook."""
        return self._bound.objective
