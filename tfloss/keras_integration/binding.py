"""A formula bound to a Keras model: at once where the layers are known, else when it first runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any

from tfloss.errors import UsageError, did_you_mean, listed
from tfloss.formula import Call, FormulaError, Name, Node, Text, as_node
from tfloss.keras_integration import batch_layout as batches
from tfloss.keras_integration.completeness import Completeness
from tfloss.keras_integration.output_parts import masks_of, needs_logits, parts_of
from tfloss.keras_integration.scope import (
    is_functional,
    rows_of,
    scope_of,
    taps_of_own_layers,
)
from tfloss.keras_integration.timesteps import rows_of_positions
from tfloss.lazy import keras, tf
from tfloss.objective import GradientMonitor, Objective
from tfloss.objective.across_replicas import Replicas
from tfloss.objective.plan import ScheduleUse
from tfloss.registry import Registry
from tfloss.student.averaged import computing_with
from tfloss.student.keras_internals import takes_training
from tfloss.student.structures import (
    input_names,
    inputs_by_name,
    output_names,
    output_shapes,
    outputs_by_name,
    split_inputs,
    split_labels,
)
from tfloss.student.tapping import layer_of, layers_by_path, named, recording
from tfloss.student.taps import weights_by_path

NAMED_BY_TAP = (
    "Other inner tensors of a subclassed model are seen once its call names them: "
    "z = tfloss.tap('z', z)."
)


class Bound:
    """Computes a formula's terms from one forward pass of a Keras model.

    Args:
        model: the Keras model.
        formula: text or tree.
        registry: what names stand for.
        columns: names of what comes next to inputs and labels.
        task: 'classification', 'regression', or None: found out from the formula.
        from_logits, ignore_class: see `tfloss.attach`.
        allow_negative: accept coefficients below zero.
        watch: measures the gradients of the terms.
    """

    def __init__(
        self,
        model: Any,
        formula: str | Node,
        registry: Registry,
        columns: Collection[str],
        task: str | None,
        from_logits: bool | None,
        allow_negative: bool,
        ignore_class: int | None = None,
        watch: GradientMonitor | None = None,
    ) -> None:
        self._model = model
        self._formula = formula
        self._registry = registry
        self._columns = columns
        self._task = task
        self._from_logits = from_logits
        self._allow_negative = allow_negative
        self._watch = watch
        self.ignore_class = ignore_class
        self.counts: tuple[Any, ...] = ()  # of the last batch: how many elements each term is of
        self._steps_per_epoch = 1.0
        self.completeness = Completeness()
        self.copied_weights = False  # whether Keras copies an array of weights for each label
        self._final = is_functional(model)
        self.objective = self._at_once()

    def _at_once(self) -> Objective:
        """The objective before the model has run, as far as its names are known."""
        try:
            return self._objective(scope_of(self._model, self._columns))
        except FormulaError:
            tapped = self._final and taps_of_own_layers(self._model)
            if not tapped:
                raise
            return self._objective(scope_of(self._model, self._columns, seen=tapped))

    def _objective(self, scope: Any) -> Objective:
        return Objective(
            self._formula,
            self._registry,
            scope,
            steps_per_epoch=self._steps_per_epoch,
            allow_negative=self._allow_negative,
            watch=self._watch,
        )

    @property
    def states(self) -> Any:
        """The variables that losses hold; empty, and so false, where none does."""
        return self.objective.states

    @property
    def text(self) -> str:
        return self.objective.text

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the terms."""
        return self.objective.names

    @property
    def needs(self) -> frozenset[str]:
        """The names of the tensors that the formula uses."""
        return self.objective.needs

    @property
    def input_names(self) -> list[str] | None:
        return input_names(self._model)

    @property
    def classification(self) -> bool:
        """Whether an output is about classes: as said, else where logits or probs are used."""
        if self._task is not None:
            return self._task == "classification"
        names = {*self._own_needs(), *self.objective.averaged}
        return any(name.rpartition(".")[2] in ("logits", "probs") for name in names)

    def _own_needs(self) -> Iterator[str]:
        """What the formula needs of the student; a teacher's logits say nothing about it."""
        return (name for name in self.needs if name not in self._columns)

    def width(self, inputs: Any) -> int:
        """The number of the output's columns, which teachers' predictions have to match.

        Args:
            inputs: rows, of which a subclassed model is shown the first.

        Raises:
            UsageError: the model has several outputs.
        """
        width = output_shapes(self._model).get("", (None,))[-1]
        if width is not None:
            return width
        outputs: dict[str, Any] = {}
        if not self._final:
            row = keras.tree.map_structure(lambda part: tf.convert_to_tensor(part[:1]), inputs)
            outputs = outputs_by_name(self._model, self._model(row))
        if list(outputs) != [""]:
            raise UsageError(
                "A teacher answers for a model with one output, and this one has several; pass its "
                "predictions as a column: columns=['teacher']."
            )
        return int(outputs[""].shape[-1])

    # -- steps per epoch -------------------------------------------------------------------------

    @property
    def counts_epochs(self) -> bool:
        """Whether a schedule of the formula is given in epochs."""
        uses = (use for term in self.objective.terms for use in term.coefficient.walk())
        return any(isinstance(use, ScheduleUse) and use.epochs is not None for use in uses)

    def tell_steps(self, steps_per_epoch: float) -> bool:
        """Take the number of steps per epoch; True where it is another than before."""
        changed = float(steps_per_epoch) != self._steps_per_epoch
        self._steps_per_epoch = self.objective.steps_per_epoch = float(steps_per_epoch)
        return changed

    # -- one batch -------------------------------------------------------------------------------

    def measure(
        self,
        forward: Callable[[], Any],
        x: Any,
        y: Any,
        weight: Any,
        *,
        step: Any,
        training: bool,
        ask: Callable[[int | None], dict[str, Any]],
        replicas: Replicas | None = None,
    ) -> tuple[Any, list[Any], Any]:
        """What the model answers, each weighted term, and the number of rows.

        Args:
            forward: runs the model on `x`.
            x, y, weight: as Keras hands them to a step.
            step: steps done, for schedules.
            training: whether losses may give the variables that they hold new values.
            ask: teachers' predictions that are not among the columns, for an output so wide.
            replicas: where these are some rows of a batch whose others are on other devices.

        Raises:
            UsageError: what the formula needs is not in the batch.
        """
        answers, outputs, taps = self._run(forward)
        if not self._final:
            self._finish(outputs, taps, x)
        width = outputs[""].shape[-1] if list(outputs) == [""] else None
        outside, present = self._outside(x, y, outputs, ask(width))
        weight = batches.as_weight(weight, copied=self.copied_weights)

        def given(outputs: Mapping[str, Any], taps: Mapping[str, Any]) -> tuple[Any, Any]:
            return self._rows(outputs, taps, outside, present, weight)

        def again() -> dict[str, Any]:
            _, outputs, taps = self._run(forward)
            rows, by_element = given(outputs, taps)
            return {"tensors": rows.tensors, "by_element": by_element}

        rows, by_element = given(outputs, taps)
        outcome = self.objective(
            rows.tensors,
            present=rows.present,
            masks=rows.masks,
            by_element=by_element,
            sample_weight=rows.weight,
            step=step,
            training=training,
            student=partial(self._with_weights, x),
            replicas=replicas,
            again=again,
        )
        self.counts = outcome.counts
        return answers, list(outcome.terms), rows_of(x)

    def _run(self, forward: Callable[[], Any]) -> tuple[Any, Any, Any]:
        """What the model answers, its outputs by name, and the inner tensors that are needed."""
        with recording(self._layers()) as found:
            answers = forward()
        return answers, outputs_by_name(self._model, answers), named(found)

    def _rows(
        self,
        outputs: Mapping[str, Any],
        taps: Mapping[str, Any],
        outside: Mapping[str, Any],
        present: Mapping[str, Any],
        weight: Any,
    ) -> tuple[Any, dict[str, Any]]:
        """All tensors with a row for each place, and those that losses of elements get instead."""
        parts, by_element = parts_of(
            outputs,
            self.needs,
            classification=self.classification,
            from_logits=self._from_logits,
        )
        tensors = {**taps, **outside, **parts, "weights": weights_by_path(self._model)}
        self._require(tensors)
        masks = masks_of(outputs, taps, self.needs)
        rows = rows_of_positions(tensors, present, weight, masks, self.needs)
        return rows, {name: rows.flat(tensor) for name, tensor in by_element.items()}

    def _with_weights(self, x: Any, weights: Mapping[str, Any]) -> dict[str, Any]:
        """What the formula uses of the model with other weights, as in an evaluation."""
        model, wanted = self._model, self.objective.averaged
        inputs = split_inputs(model, x, self._columns)[0]
        options = {"training": False} if takes_training(model) else {}
        with (
            computing_with(model, weights_by_path(model), weights),
            recording(self._layers(wanted)) as found,
        ):
            outputs = outputs_by_name(model, model(inputs, **options))
        parts, _ = parts_of(
            outputs,
            wanted,
            classification=self.classification,
            from_logits=self._from_logits,
        )
        return named(found) | parts

    def _layers(self, names: Collection[str] | None = None) -> dict[str, Any]:
        """The layers whose outputs are wanted, by path; default: those that the formula uses."""
        paths = layers_by_path(self._model)
        reserved = {*(output_names(self._model) or ()), *self._columns}
        wanted = frozenset(self.needs if names is None else names)
        found = {layer_of(name, paths) for name in wanted - reserved}
        return {path: paths[path] for path in found if path is not None}

    def _finish(self, outputs: Mapping[str, Any], taps: Mapping[str, Any], x: Any) -> None:
        """Check the formula against a model that has now been seen running."""
        shapes = {name: tuple(tensor.shape) for name, tensor in taps.items()}
        inputs = inputs_by_name(self._model, split_inputs(self._model, x, self._columns)[0])
        named = {name: tuple(tensor.shape) for name, tensor in inputs.items()}
        scope = scope_of(self._model, self._columns, seen=shapes, names=outputs, inputs=named)
        try:
            planned = self._objective(scope)
        except FormulaError as error:
            if "no tensor" not in error.message or isinstance(self._model, keras.Sequential):
                raise
            raise FormulaError(
                f"{error.message} {NAMED_BY_TAP}", error.text, error.start, error.end
            ) from None
        planned.states.share(self.objective.states)
        self.objective = planned

    def _outside(
        self, x: Any, y: Any, outputs: Mapping[str, Any], answers: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Inputs, labels and columns, and where rows of them are missing."""
        inputs, columns = split_inputs(self._model, x, self._columns)
        labels, more = split_labels(y, list(outputs), self._columns, self.needs)
        outside = {
            n: batches.as_column(v)
            for n, v in {**answers, **columns, **more}.items()
            if n in self.needs
        }
        for name, values in labels.items():
            called = f"{name}.labels" if name else "labels"
            outside[called] = batches.as_labels(
                values,
                outputs[name],
                classification=self.classification,
                ignore_class=self.ignore_class if needs_logits(name, self.needs) else None,
            )
        tensors, present = {}, {}
        for name in sorted(self.needs & set(outside)):
            if self.completeness.assumed and name not in answers:
                tensors[name] = outside[name]
                continue
            tensors[name], there = batches.without_missing(outside[name])
            if there is not None:
                present[name] = there
        return inputs_by_name(self._model, inputs) | tensors, present

    def _require(self, tensors: Mapping[str, Any]) -> None:
        for term in self.objective.terms:
            for use in term.body.walk():
                name = getattr(use, "name", None)
                if name is None or name in tensors or name == "sample_weight":
                    continue
                raise UsageError(
                    f"The term '{term.name}' needs the tensor '{name}', which this batch does not "
                    f"have.{self._remedy(name, tensors)} It has: {listed(tensors)}."
                )

    def _remedy(self, name: str, tensors: Mapping[str, Any]) -> str:
        if name.rpartition(".")[2] == "labels":
            return " Pass y to fit."
        if name in self._columns:
            return (
                f" Pass it next to the inputs, x={{'inputs': x, '{name}': …}}, or next to the "
                f"labels, y={{'labels': y, '{name}': …}}."
            )
        return did_you_mean(name, tensors)


def names_in(formula: str | Node) -> frozenset[str]:
    """Every name in a formula, of losses and of tensors, and every text in quotes."""
    nodes = list(as_node(formula).walk())
    quoted = {node.value for node in nodes if isinstance(node, Text)}
    return frozenset(quoted.union(n.name for n in nodes if isinstance(n, (Name, Call))))
