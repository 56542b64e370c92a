"""A Keras model that trains another one to minimise a formula, with Keras' own `fit`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tfloss.errors import UsageError, listed
from tfloss.formula import as_node, to_text
from tfloss.keras_integration.batch_layout import WEIGHTS_BY_OUTPUT, split_inputs
from tfloss.keras_integration.binding import Bound, names_in
from tfloss.keras_integration.callbacks import say_direction
from tfloss.keras_integration.metrics import refuse_names, update_metrics
from tfloss.keras_integration.outputs import output_names, output_shapes
from tfloss.keras_integration.schedule_epochs import TellSteps
from tfloss.keras_integration.scope import input_shapes
from tfloss.keras_integration.serialization import rebuilt
from tfloss.keras_integration.teacher_columns import Supply
from tfloss.keras_integration.teachers import named_teachers, teacher_columns
from tfloss.keras_integration.tracebacks import plainly
from tfloss.keras_integration.validation import (
    check_columns,
    check_inputs,
    check_labels,
    check_rows,
    weighted_by_class,
    without_pandas,
)
from tfloss.lazy import keras, tf
from tfloss.objective import total_of
from tfloss.registry import Declaration, registry_with
from tfloss.student.keras_internals import compiled_metrics, loss_tracker, takes_training
from tfloss.training.program.forward import MODEL_TERM

TASKS = (None, "classification", "regression")


@keras.saving.register_keras_serializable(package="tfloss")
class Attached(keras.Model):
    """Made by `tfloss.attach`; a Keras model like any other.

    `predict` answers as the model inside does; `save` keeps the formula, so that
    `keras.models.load_model` brings back a model that can go on training, wherever `tfloss` is
    imported.

    Attributes:
        model: the model inside; it shares its weights.
        formula: the formula's text.
        teachers: by name; can be set, for example after loading.
    """

    def __init__(
        self,
        model: Any,
        formula: Any,
        *,
        teacher: Any = None,
        columns: Sequence[str] = (),
        losses: Sequence[Declaration] = (),
        task: str | None = None,
        from_logits: bool | None = None,
        steps_per_epoch: int | None = None,
        allow_negative: bool = False,
        name: str | None = None,
        **options: Any,
    ) -> None:
        model = getattr(model, "tfloss_student", model)
        if not isinstance(model, keras.Model):
            raise UsageError(f"A {type(model).__name__} is not a Keras model.")
        if task not in TASKS:
            raise UsageError(f"task={task!r} is neither 'classification' nor 'regression'.")
        columns = [columns] if isinstance(columns, str) else list(columns)
        super().__init__(name=name or f"{model.name}_attached", **options)
        self.model = model
        self.formula = to_text(as_node(formula))
        self._steps_per_epoch = steps_per_epoch
        self._given = {
            "columns": columns,
            "task": task,
            "from_logits": from_logits,
            "steps_per_epoch": steps_per_epoch,
            "allow_negative": allow_negative,
        }
        teachers = named_teachers(teacher)
        registry = registry_with(losses=losses)
        used = names_in(formula)
        self._columns = tuple(dict.fromkeys([*columns, *teacher_columns(teachers, used)]))
        self._bound = Bound(
            model, formula, registry, self._columns, task, from_logits, allow_negative
        )
        self._supply = Supply(model, self._bound, self._columns, teachers)
        names = [*self._bound.names, MODEL_TERM]
        self.term_trackers = [keras.metrics.Mean(name=name) for name in names]
        self._adds_losses = bool(model.built and model.losses)
        self.output_names = [name for name in output_names(model) or [] if name] or None
        self.built = True  # the model inside builds itself

    # -- what Keras asks -------------------------------------------------------------------------

    def build(self, input_shape: Any = None) -> None:
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        own, _ = split_inputs(self.model, inputs, self._columns)
        if not takes_training(self.model):
            return self.model(own)
        return self.model(own, training=training)

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        **options: Any,
    ) -> None:
        """As in Keras, but the formula is the loss."""
        if loss is not None or loss_weights is not None:
            raise UsageError(
                f"The loss of this model is its formula, '{self.formula}'; leave loss= and "
                f"loss_weights= out of compile."
            )
        refuse_names(self.term_names, metrics, weighted_metrics)
        super().compile(
            optimizer=optimizer, metrics=metrics, weighted_metrics=weighted_metrics, **options
        )

    def compile_from_config(self, config: dict[str, Any]) -> None:
        found = keras.saving.deserialize_keras_object(config)
        self.compile(**found)
        if getattr(self, "optimizer", None) is not None:
            self.optimizer.build(self.trainable_variables)

    def train_step(self, data: Any) -> dict[str, Any]:
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            outputs, total = self._measured(x, y, weight, training=True)
            # Replicas' gradients are added up, each of a mean over its own share of the batch.
            loss = total / tf.distribute.get_strategy().num_replicas_in_sync
            scaled = self.optimizer.scale_loss(loss)
        variables = self.trainable_weights
        if variables:
            gradients = tape.gradient(scaled, variables)
            self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return self.compute_metrics(x, y, outputs, sample_weight=weight)

    def test_step(self, data: Any) -> dict[str, Any]:
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        outputs, _ = self._measured(x, y, weight, training=False)
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

    def _measured(self, x: Any, y: Any, weight: Any, *, training: bool) -> tuple[Any, Any]:
        """One forward pass: what the model answers and the total, which the trackers have seen."""
        outputs, total, terms, rows = self.evaluated(x, y, weight, training)
        loss_tracker(self).update_state(total, sample_weight=rows)
        for tracker, value in zip(self.term_trackers, terms, strict=False):
            tracker.update_state(value, sample_weight=rows)
        return outputs, total

    def evaluated(
        self, x: Any, y: Any, weight: Any, training: bool
    ) -> tuple[Any, Any, list[Any], Any]:
        """Outputs, the total, each term, and the number of rows: one forward pass."""
        split_inputs(self.model, x, self._columns)  # refused here, in one sentence, not in a call
        step = self.optimizer.iterations if getattr(self, "optimizer", None) is not None else 0
        outputs, terms, rows = self._bound.measure(
            lambda: self(x, training=training),
            x,
            y,
            weight,
            step=step,
            training=training,
            ask=lambda width: self._supply.in_step(x, y, width),
        )
        added = self.losses
        self._adds_losses = bool(added)
        if added:
            terms.append(total_of([tf.cast(tf.reduce_sum(loss), tf.float32) for loss in added]))
        return outputs, total_of(terms), terms, rows

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        self.update_metrics(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def update_metrics(self, y: Any, y_pred: Any, weight: Any) -> None:
        """Show a batch to the metrics of `compile`."""
        metrics = compiled_metrics(self)
        if metrics is not None:
            update_metrics(metrics, self.model, self._columns, y, y_pred, weight)

    def get_metrics_result(self) -> dict[str, Any]:
        results: dict[str, Any] = super().get_metrics_result()
        if not self._adds_losses:
            results.pop(MODEL_TERM, None)
        return results

    # -- what formulas add -----------------------------------------------------------------------

    @property
    def term_names(self) -> tuple[str, ...]:
        """The names of the terms, as they are logged."""
        return self._bound.names

    @property
    def logged_terms(self) -> tuple[str, ...]:
        """The same, and `model_losses` where the model was seen to add losses of its own."""
        return (*self.term_names, MODEL_TERM) if self._adds_losses else self.term_names

    @property
    def has_metrics(self) -> bool:
        """Whether there are metrics beside the loss and the terms."""
        return any(m is not loss_tracker(self) for m in self.metrics if m not in self.term_trackers)

    @property
    def objective(self) -> Any:
        """The formula bound to the model: shows itself in a notebook."""
        return self._bound.objective

    @property
    def tfloss_student(self) -> Any:
        """The model inside, for `tfloss.fit` and whatever else trains a student."""
        return self.model

    @property
    def teachers(self) -> dict[str, Any]:
        return self._supply.teachers

    @teachers.setter
    def teachers(self, teacher: Any) -> None:
        found = named_teachers(teacher)
        unknown = set(teacher_columns(found, self._columns)) - set(self._columns)
        if set(found) - set(self._columns):
            raise UsageError(
                f"The formula knows no teacher {listed(unknown)}; its columns are: "
                f"{listed(self._columns)}."
            )
        self._supply.teachers = found

    def with_columns(self, x: Any, y: Any = None) -> Any:
        """`x` as a dictionary with the teachers' answers beside the inputs.

        Ask once, keep the result, and hand it to `fit` as often as you like.

        Args:
            x: an array (n, …), a dictionary of inputs and columns, or a `tf.data.Dataset`, which
                may then be cached.
            y: may hold columns too; a teacher whose answers are there is not asked.
        """
        return self._supply.beside(x, y)

    @plainly
    def fit(self, x: Any = None, y: Any = None, *more: Any, **options: Any) -> Any:
        """As in Keras; teachers are asked about arrays, once, before the training begins."""
        x, y = self.ready(x, y, options.get("sample_weight"))
        options = weighted_by_class(y, options, len(self.output_names or [""]))
        self.take_weights(options)
        options["validation_data"] = self._held_out(options.get("validation_data"))
        given = options.pop("callbacks", None)
        options["callbacks"] = self._watching(given)
        return super().fit(x, y, *more, **options)

    def _held_out(self, given: Any) -> Any:
        """`validation_data` with the teachers' answers."""
        if not isinstance(given, (tuple, list)) or not given:
            return self.with_columns(given)
        x, y, weight = (*given, None, None)[:3]
        return (*self.ready(x, y, weight), *given[2:]) if len(given) > 1 else (self.ready(x)[0],)

    def _watching(self, given: Any) -> Any:
        """The callbacks, and one that tells the formula how many steps an epoch has."""
        tell = TellSteps(self._bound, self._steps_per_epoch)
        terms = (*self.term_names, MODEL_TERM)
        if isinstance(given, keras.callbacks.CallbackList):
            say_direction(given.callbacks, terms)
            given.append(tell)
            return given
        callbacks = [given] if isinstance(given, keras.callbacks.Callback) else list(given or ())
        say_direction(callbacks, terms)
        return [tell, *callbacks]

    @plainly
    def evaluate(self, x: Any = None, y: Any = None, *more: Any, **options: Any) -> Any:
        """As in Keras; teachers are asked about arrays."""
        x, y = self.ready(x, y, options.get("sample_weight"))
        self.take_weights(options)
        return super().evaluate(x, y, *more, **options)

    @plainly
    def train_on_batch(self, x: Any, y: Any = None, *more: Any, **options: Any) -> Any:
        """As in Keras; teachers are asked about the batch."""
        return super().train_on_batch(self.with_columns(x, y), y, *more, **options)

    @plainly
    def test_on_batch(self, x: Any, y: Any = None, *more: Any, **options: Any) -> Any:
        """As in Keras; teachers are asked about the batch."""
        return super().test_on_batch(self.with_columns(x, y), y, *more, **options)

    def ready(self, x: Any, y: Any = None, weight: Any = None) -> tuple[Any, Any]:
        """Arrays with the teachers' answers beside them; what no batch could make sense of is
        refused.
        """
        x, y = without_pandas(x), without_pandas(y)
        check_columns(x, self._columns)
        check_columns(y, self._columns)
        check_rows(x, y, weight)
        if shapes := input_shapes(self.model):
            check_inputs(x, shapes)
        outputs = output_shapes(self.model)
        check_labels(y, outputs, classification=self._bound.classification)
        return self.with_columns(x, y), y

    def take_weights(self, options: Mapping[str, Any]) -> None:
        """Refuse weights for each output; remember whether Keras will copy one array for all."""
        weight = options.get("sample_weight")
        if isinstance(weight, (Mapping, list, tuple)):
            raise UsageError(WEIGHTS_BY_OUTPUT)
        self._bound.copied_weights |= weight is not None

    def tell_steps_per_epoch(self, steps: int) -> None:
        """Schedules in epochs count by it, where `attach` was not told another."""
        self._bound.tell_steps(self._steps_per_epoch or steps)

    # -- saving ----------------------------------------------------------------------------------

    def save(self, filepath: Any, *given: Any, **options: Any) -> Any:
        """As in Keras, to a `.keras` file.

        Raises:
            UsageError: another kind of file, which could not bring the formula back.
        """
        if str(filepath).endswith((".h5", ".hdf5")):
            raise UsageError(
                "An attached model is saved as .keras: an .h5 file does not know its formula; "
                "model.model.save(…) saves the model inside in either form."
            )
        return super().save(filepath, *given, **options)

    def export(self, *given: Any, **options: Any) -> Any:
        """As in Keras; what is exported is the model inside."""
        return self.model.export(*given, **options)

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "model": keras.saving.serialize_keras_object(self.model),
            "formula": self.formula,
            **self._given,
            "columns": list(self._columns),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Attached:
        config = dict(config)
        model = keras.saving.deserialize_keras_object(
            config.pop("model"), custom_objects=custom_objects
        )
        return rebuilt(config["formula"], lambda losses: cls(model, losses=losses, **config))

    def _repr_html_(self) -> str:
        return str(self.objective._repr_html_())
