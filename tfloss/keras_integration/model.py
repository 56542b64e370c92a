"""A Keras model that trains another one to minimise a formula, with Keras' own `fit`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfloss.errors import UsageError, listed
from tfloss.formula import as_node, to_text
from tfloss.keras_integration.arguments import options_by_name
from tfloss.keras_integration.array_checks import ArrayChecks
from tfloss.keras_integration.attached_step import AttachedStep
from tfloss.keras_integration.binding import Bound, names_in
from tfloss.keras_integration.callbacks import say_direction
from tfloss.keras_integration.checkpoint_callback import Checkpoint
from tfloss.keras_integration.guarded_steps import GuardedSteps
from tfloss.keras_integration.loss_variables import LossVariables
from tfloss.keras_integration.metrics import refuse_names
from tfloss.keras_integration.own_training import refuse_own_training
from tfloss.keras_integration.schedule_epochs import TellSteps
from tfloss.keras_integration.serialization import rebuilt
from tfloss.keras_integration.teacher_columns import Supply
from tfloss.keras_integration.teacher_fitting import FittingOptions, TeacherFitting, TeacherToFit
from tfloss.keras_integration.teachers import named_teachers, teacher_columns
from tfloss.keras_integration.tracebacks import plainly
from tfloss.keras_integration.validation import is_arrays
from tfloss.keras_integration.weights_files import with_training_state
from tfloss.keras_integration.workers import fit_on_workers, has_workers
from tfloss.lazy import keras
from tfloss.objective import GradientMonitor
from tfloss.objective.remarks import remarks_of, static_formula
from tfloss.registry import Declaration, registry_with
from tfloss.registry.names_elsewhere import said_elsewhere
from tfloss.student import with_networks
from tfloss.student.keras_internals import takes_training
from tfloss.student.structures import output_names, split_inputs
from tfloss.training.options import OnNan
from tfloss.training.program.forward import MODEL_TERM

TASKS = (None, "classification", "regression")


@keras.saving.register_keras_serializable(package="tfloss")
class Attached(AttachedStep):
    """Made by `tfloss.attach`; a Keras model like any other.

    `predict` answers as the model inside does; `save` keeps the formula, so that
    `keras.models.load_model` brings back a model that can go on training, wherever `tfloss` is
    imported.

    Attributes:
        model: the model inside; it shares its weights.
        formula: the formula's text.
        teachers: by name; can be set, for example after loading. One that `fit` has fitted is a
            `FittedTeacher`, with its scores and notes.
    """

    def __init__(
        self,
        model: Any,
        formula: Any,
        *,
        teacher: Any = None,
        columns: Sequence[str] = (),
        losses: Sequence[Declaration] = (),
        networks: Mapping[str, Any] | None = None,
        task: str | None = None,
        from_logits: bool | None = None,
        ignore_class: int | None = None,
        steps_per_epoch: int | None = None,
        allow_negative: bool = False,
        on_nan: OnNan = "stop",
        teacher_fit: str = "auto",
        teacher_calibrate: str = "auto",
        cache: str | Path | None = None,
        watch: GradientMonitor | str | None = None,
        seed: int | None = None,
        loss_variables: Any = None,
        name: str | None = None,
        **options: Any,
    ) -> None:
        model = getattr(model, "tfloss_student", model)
        if not isinstance(model, keras.Model):
            raise UsageError(f"A {type(model).__name__} is not a Keras model.")
        refuse_own_training(model)
        if task not in TASKS:
            raise UsageError(f"task={task!r} is neither 'classification' nor 'regression'.")
        columns = [columns] if isinstance(columns, str) else list(columns)
        super().__init__(name=name or f"{model.name}_attached", **options)
        self.model = model
        self.formula = to_text(as_node(formula))
        monitor = GradientMonitor.of(watch)
        self._steps_per_epoch = steps_per_epoch
        self._on_nan: OnNan = on_nan
        self._given = {
            "columns": columns,
            "task": task,
            "from_logits": from_logits,
            "ignore_class": ignore_class,
            "steps_per_epoch": steps_per_epoch,
            "allow_negative": allow_negative,
            "on_nan": on_nan,
            "teacher_fit": teacher_fit,
            "teacher_calibrate": teacher_calibrate,
            "watch": None if monitor is None else str(monitor),
            "seed": seed,
        }
        self._registry = registry = with_networks(registry_with(losses=losses), networks)
        teachers = named_teachers(teacher, registry)
        how = FittingOptions(teacher_fit, teacher_calibrate, cache, seed)
        fitting = TeacherFitting(how, registry)
        used = names_in(formula)
        self._columns = tuple(dict.fromkeys([*columns, *teacher_columns(teachers, used)]))
        self._bound = Bound(
            model,
            formula,
            registry,
            self._columns,
            task,
            from_logits,
            allow_negative,
            ignore_class,
            monitor,
        )
        self._supply = Supply(model, self._bound, self._columns, teachers, fitting)
        self._checks = ArrayChecks(model, self._bound, self._columns, self._supply)
        self._guarded = GuardedSteps(self, on_nan)
        self._checkpoints: Sequence[Checkpoint] = ()
        self._held_out_complete = False  # whether the rows that `fit` evaluates on lack nothing
        if self._bound.states:
            bound = self._bound
            self._loss_variables = LossVariables(lambda: bound.objective)
            self._loss_variables.make(loss_variables or {})
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
        on_nan: OnNan | None = None,
        **options: Any,
    ) -> None:
        """As in Keras, but the formula is the loss; `on_nan` is that of `attach`, unless given."""
        if loss is not None or loss_weights is not None:
            raise UsageError(
                f"The loss of this model is its formula, '{self.formula}'; leave loss= and "
                f"loss_weights= out of compile.{said_elsewhere(loss)}"
            )
        refuse_names(self.term_names, metrics, weighted_metrics)
        self._guarded = GuardedSteps(self, on_nan or self._on_nan)
        super().compile(
            optimizer=optimizer, metrics=metrics, weighted_metrics=weighted_metrics, **options
        )
        self.make_loss_variables_early()

    def get_compile_config(self) -> Any:
        config = super().get_compile_config()
        return config and {**config, "on_nan": self._guarded.on_nan}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        found = keras.saving.deserialize_keras_object(config)
        self.compile(**found)
        if getattr(self, "optimizer", None) is not None:
            self.optimizer.build(self.trainable_variables)

    # -- teachers and data -----------------------------------------------------------------------

    @property
    def tfloss_student(self) -> Any:
        """The model inside, for `tfloss.fit` and whatever else trains a student."""
        return self.model

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "teachers":  # Keras would make a layer of a network before the setter sees it
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    @property
    def teachers(self) -> dict[str, Any]:
        return {
            name: (one.fitted or one.estimator) if isinstance(one, TeacherToFit) else one
            for name, one in self._supply.teachers.items()
        }

    @teachers.setter
    def teachers(self, teacher: Any) -> None:
        found = named_teachers(teacher, self._registry)
        unknown = set(teacher_columns(found, self._columns)) - set(self._columns)
        if set(found) - set(self._columns):
            raise UsageError(
                f"The formula knows no teacher {listed(unknown)}; its columns are: "
                f"{listed(self._columns)}."
            )
        self._supply.teachers = found

    def with_columns(self, x: Any, y: Any = None) -> Any:
        """`x` as a dictionary with the teachers' predictions next to the inputs.

        Ask once, keep the result, and hand it to `fit` as often as you like.

        Args:
            x: an array (n, …), a dictionary of inputs and columns, or a `tf.data.Dataset`, which
                may then be cached.
            y: may hold columns too; a teacher whose answers are there is not asked.
        """
        return self._supply.beside(x, y)

    @plainly
    def fit(self, x: Any = None, y: Any = None, *positional: Any, **options: Any) -> Any:
        """As in Keras; teachers predict arrays once, before the training begins.

        One that is not fitted is fitted on the rows that train, out of fold, with their
        `sample_weight`; the same rows do not fit it a second time. On several machines, where
        Keras' own loop does not work, it is `tfloss.fit_model` that trains.
        """
        options = options_by_name(keras.Model.fit, positional, options)
        if has_workers(self.model):
            return fit_on_workers(self, x, y, options)
        split, held_out = options.get("validation_split"), options.get("validation_data")
        self._checks.warn_of_seen_rows(x, held_out, split or 0.0)
        x, options["validation_data"] = self._checks.with_fitted_teachers(
            x, y, options.get("sample_weight"), held_out, split or 0.0
        )
        x, y = self._checks.ready(x, y, options.get("sample_weight"))
        x, options = self._checks.weighted(x, y, options)
        self._checks.take_weights(options.get("sample_weight"))
        held_out = self._checks.held_out(options.get("validation_data"))
        options["validation_data"] = held_out
        complete = self._checks.lacks_nothing(x, y)
        self._held_out_complete = complete  # of the rows that Keras splits off
        if isinstance(held_out, (tuple, list)):
            self._held_out_complete = self._checks.lacks_nothing(*(*held_out, None)[:2])
        elif held_out is not None:
            self._held_out_complete = False
        given = options.pop("callbacks", None)
        options["callbacks"] = self._watching(given)
        self._guarded.arrays = (x, y) if is_arrays(x) else None
        try:
            with self._bound.completeness.of_data(complete):
                return super().fit(x, y, **options)
        finally:
            self._guarded.arrays = None
            for one in self._checkpoints:
                one.close()

    @property
    def static_formula(self) -> str | None:
        """The formula with fixed coefficients that weighs as the last `fit` did on average."""
        return static_formula(self.objective, self._curves())

    @property
    def remarks(self) -> list[str]:
        """What the last `fit` showed of weights, constraints and gradients, a sentence each."""
        return remarks_of(self.objective, self._curves())

    def _curves(self) -> dict[str, Any]:
        history = getattr(self, "history", None)
        return {} if history is None else dict(history.history)

    @property
    def loss_variable_shapes(self) -> dict[str, Any]:
        """Shape and kind of the variables that losses have made, by path."""
        return self._loss_variables.shapes if self._bound.states else {}

    def make_loss_variables(self, shapes: Mapping[str, Any]) -> None:
        """Make those of these shapes that are not there yet."""
        if self._bound.states and not self._bound.objective.variables:
            self._loss_variables.make(shapes)

    def _watching(self, given: Any) -> Any:
        """The callbacks, and one that tells the formula how many steps an epoch has."""
        tell = TellSteps(self._bound, self._guarded, self._steps_per_epoch)
        terms = (*self.term_names, MODEL_TERM)
        if isinstance(given, keras.callbacks.CallbackList):
            say_direction(given.callbacks, terms)
            given.append(tell)
            return given
        callbacks = [given] if isinstance(given, keras.callbacks.Callback) else list(given or ())
        say_direction(callbacks, terms)
        last = [one for one in callbacks if isinstance(one, Checkpoint)]
        callbacks = [one for one in callbacks if not isinstance(one, Checkpoint)]
        for one in last:
            one.watch(callbacks)
        self._checkpoints = last
        return [tell, *callbacks, *last]

    @plainly
    def evaluate(self, x: Any = None, y: Any = None, *positional: Any, **options: Any) -> Any:
        """As in Keras; teachers predict arrays."""
        if options.get("_use_cached_eval_dataset"):  # by `fit`, which has checked them
            self._checks.take_weights(options.get("sample_weight"))
            with self._bound.completeness.of_data(self._held_out_complete):
                return super().evaluate(x, y, **options)
        options = options_by_name(keras.Model.evaluate, positional, options)
        x, y = self._checks.ready(x, y, options.get("sample_weight"))
        self._checks.take_weights(options.get("sample_weight"))
        with self._bound.completeness.of_data(self._checks.lacks_nothing(x, y)):
            return super().evaluate(x, y, **options)

    @plainly
    def train_on_batch(self, x: Any, y: Any = None, *more: Any, **options: Any) -> Any:
        """As in Keras; teachers predict the batch."""
        self._guarded.begin_epoch(None)
        x = self.with_columns(x, y)
        with self._bound.completeness.of_data(False):  # the next batch may be another
            return super().train_on_batch(x, y, *more, **options)

    @plainly
    def test_on_batch(self, x: Any, y: Any = None, *more: Any, **options: Any) -> Any:
        """As in Keras; teachers predict the batch."""
        x = self.with_columns(x, y)
        with self._bound.completeness.of_data(False):
            return super().test_on_batch(x, y, *more, **options)

    @property
    def checks(self) -> ArrayChecks:
        """What is done with data before they are trained on."""
        return self._checks

    @property
    def on_nan(self) -> OnNan:
        """What happens at a step that is not finite."""
        return self._guarded.on_nan

    def tell_steps_per_epoch(self, steps: int) -> None:
        """Schedules in epochs count by it, where `attach` was given no other."""
        self._bound.tell_steps(self._steps_per_epoch or steps)

    # -- what the model inside looks like --------------------------------------------------------

    @property
    def inputs(self) -> Any:
        return self.model.inputs

    @property
    def outputs(self) -> Any:
        return self.model.outputs

    @property
    def input_shape(self) -> Any:
        return self.model.input_shape

    @property
    def output_shape(self) -> Any:
        return self.model.output_shape

    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
        return self.model.get_layer(name, index)

    def summary(self, *given: Any, **options: Any) -> None:
        self.model.summary(*given, **options)

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

    def save_weights(self, filepath: Any, *given: Any, **options: Any) -> None:
        """As in Keras; a plain network like the model inside can load the file."""
        with self._with_training_state() as inside:
            inside.save_weights(filepath, *given, **options)

    def load_weights(self, filepath: Any, *given: Any, **options: Any) -> None:
        """As in Keras, also from a file of a plain network."""
        if str(filepath).endswith(".keras"):
            super().load_weights(filepath, *given, **options)
            return
        with self._with_training_state() as inside:
            inside.load_weights(filepath, *given, **options)

    def _with_training_state(self) -> Any:
        held = self._loss_variables if self._bound.states else None
        optimizer = getattr(self, "optimizer", None)
        return with_training_state(self.model, optimizer=optimizer, loss_variables=held)

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
            "loss_variables": self.loss_variable_shapes,
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
