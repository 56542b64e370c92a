"""The things that a plugin can declare; `tfloss.registry.decorators` has what declares them.

A declaration wraps a plain function and says what can be known without calling it: its name, what
it asks for, what holds of it. Declaring imports nothing and computes nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Literal

from tfloss.constraints import PerColumn
from tfloss.errors import PluginError
from tfloss.lazy import tf
from tfloss.registry.loss_variables import LossVariable
from tfloss.registry.nameable import Nameable
from tfloss.registry.shapes import Shape, different_shapes, shape_of, wrong_length
from tfloss.registry.signature import Signature, read_signature

_LONGEST = 40  # characters of a setting's value in a sentence

STATE = "state"  # the parameter of a loss that holds variables

Context = Literal["losses", "tensors", "both"]


@dataclass(frozen=True, repr=False)
class Declaration:
    """What every declared thing has: a name, a function, and where it came from.

    Attributes:
        name: how it is called in a formula or on the command line.
        function: the plain Python function.
        distribution: 'name version' of the distribution whose plugin registered it; set on loading.
        plugin: the name of the entry point that registered it; set on loading.
    """

    name: str
    function: Callable[..., Any]
    distribution: str = field(default="", compare=False)
    plugin: str = field(default="", compare=False)

    kind = "declaration"

    @property
    def __name__(self) -> str:
        """As a function has one, so that Keras can register a declaration."""
        return self.name

    def __repr__(self) -> str:
        signature = inspect.signature(self.function)
        bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
        said = signature.replace(parameters=bare, return_annotation=signature.empty)
        return f"<{self.kind} {self.name}{said}>"

    def __post_init__(self) -> None:
        if not all(part.isidentifier() and part.isascii() for part in self.name.split(".")):
            raise PluginError(
                f"'{self.name}' cannot be a name: use letters, digits and underscores."
            )
        _ = self.signature  # a wrong signature is reported where it is declared
        for attribute in ("__doc__", "__module__", "__qualname__", "__wrapped__"):
            value = getattr(self.function, attribute, self.function)
            object.__setattr__(self, attribute, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function.

        Raises:
            ValueError: a setting outside of its declared range.
        """
        if self.signature.rules:
            for name, value in self._by_name(args, kwargs).items():
                wrong = self.refusal(name, value)
                if wrong:
                    raise ValueError(wrong)
        return self.function(*args, **kwargs)

    def _by_name(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        return {**dict(zip(self.signature.positional, args, strict=False)), **kwargs}

    def refusal(self, name: str, value: Any) -> str | None:
        """The sentence that refuses a parameter's value; None where the declaration allows it."""
        wrong = self.signature.refusal(name, value)
        what = "setting" if name in self.settings else "number"
        return wrong and f"The {what} '{name}' of '{self.name}' is {shown(value)} but {wrong}."

    @cached_property
    def signature(self) -> Signature:
        return read_signature(self.function)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings with their defaults."""
        return self.signature.settings

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    @property
    def description(self) -> str:
        """The whole docstring, dedented."""
        return inspect.getdoc(self.function) or ""

    def registered_by(self, plugin: str, distribution: str) -> Declaration:
        """The same declaration, with its origin."""
        return replace(self, plugin=plugin, distribution=distribution)


@dataclass(frozen=True, repr=False)
class Loss(Declaration, Nameable):
    """A function from named tensors to one value per example, or to one value per batch.

    Attributes:
        per: 'example' when it returns (batch,), 'batch' when it returns a scalar.
        latex: its definition in LaTeX, without dollar signs.
        same_shape: the names of tensors whose shapes must be equal; groups of names where several
            must. Compared in the scope before training, and again when the loss is called.
        range: (lowest, highest) value it can take; None where unbounded.
        zero_at_optimum: whether it is zero when the student agrees with its target; None: unsaid.
        symmetric: whether its two first tensors can be exchanged; None: unsaid.
        elementwise: whether it is, for each example, the mean over all elements of a function of
            single elements, so that elements which are missing can be left out one by one.
        kinks: what is special about points without a derivative, in words ('logits == labels').
        family: the family it is listed under; default: the module's name.
        example: a formula that it stands in, for listings; where its tensors' names do not tell
            what to bind them to.
        domains: what values a tensor takes, by parameter, where its name does not tell
            (`tfloss.testing.DOMAINS`); for checking.
        link: 'log' where what it calls the prediction is the logarithm of the quantity, which is
            then predicted in its own unit everywhere; else ''.
        yes_or_no: whether it asks about each column of the labels by itself, so that several are
            no choice of one class among them.
        reference: the same loss in plain numpy, with the same parameters in float64; for checking.
        exempt: checks of `tfloss.testing` that it fails on purpose, with the reason of each.
        state: for a loss that holds variables: from its tensors' shapes (by parameter, None for the
            batch) and its settings to a mapping from name to `tfloss.LossVariable`. The function
            has the keyword parameter `state`, which is no setting.
    """

    per: Literal["example", "batch"] = "example"
    latex: str = ""
    same_shape: tuple[str, ...] | tuple[tuple[str, ...], ...] = ()
    range: tuple[float | None, float | None] = (None, None)
    zero_at_optimum: bool | None = None
    symmetric: bool | None = None
    elementwise: bool = False
    kinks: tuple[str, ...] = ()
    family: str = ""
    example: str = ""
    domains: Mapping[str, str] = field(default_factory=dict, compare=False)
    link: str = ""
    yes_or_no: bool = False
    reference: Callable[..., Any] | None = field(default=None, compare=False)
    exempt: Mapping[str, str] = field(default_factory=dict, compare=False)
    state: Callable[[Mapping[str, Any], Mapping[str, Any]], Mapping[str, LossVariable]] | None = (
        field(default=None, compare=False)
    )

    kind = "loss"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.link not in ("", "log"):
            raise PluginError(f"link= of the loss '{self.name}' is {self.link!r}; it can be 'log'.")
        for name in (name for group in self.same_shapes for name in group):
            if name not in self.signature.positional:
                raise PluginError(
                    f"same_shape= of the loss '{self.name}' names '{name}', which is none of its "
                    f"tensors: {', '.join(self.signature.positional) or 'it has none'}."
                )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function.

        Raises:
            ValueError: a setting outside of its declared range, a list without one entry for each
                column, or tensors whose shapes differ.
        """
        given = {name: _full_precision(v) for name, v in self._by_name(args, kwargs).items()}
        if self.compared:
            given = {**given, **_of_one_dtype(given, self._of_one_kind)}
            shapes = {name: shape_of(given[name]) for name in given if name in self.compared}
            wrong = self.refusal_of_shapes(shapes, given)
            if wrong:
                raise ValueError(wrong)
        more = args[len(self.signature.positional) :]  # too many: Python's own error says so
        return super().__call__(*more, **given)

    @cached_property
    def same_shapes(self) -> tuple[tuple[str, ...], ...]:
        """`same_shape` as groups of names."""
        if all(isinstance(name, str) for name in self.same_shape):
            return (tuple(map(str, self.same_shape)),) if self.same_shape else ()
        return tuple(tuple(group) for group in self.same_shape)

    @cached_property
    def compared(self) -> frozenset[str]:
        """The tensors of which shapes are compared, with each other or with a list's length."""
        return frozenset(name for group in self._of_one_kind for name in group).union(
            rule.tensor for _, rule in self._lists
        )

    @cached_property
    def _of_one_kind(self) -> tuple[tuple[str, ...], ...]:
        """Names of tensors whose shapes are equal, or differ by a list's length only."""
        return (*self.same_shapes, *((r.each, r.tensor) for _, r in self._lists if r.each))

    @cached_property
    def _lists(self) -> tuple[tuple[str, PerColumn], ...]:
        """The settings that have an entry for each column of a tensor."""
        return tuple(
            (name, constraint)
            for name, rule in self.signature.rules.items()
            for constraint in rule.constraints
            if isinstance(constraint, PerColumn)
        )

    def refusal_of_shapes(
        self, shapes: Mapping[str, Shape | None], settings: Mapping[str, Any]
    ) -> str | None:
        """The sentence that refuses shapes that differ, or a list of another length; or None.

        Args:
            shapes: by parameter, of `compared`; what is not known is not compared.
            settings: those that were given.
        """
        wrong = different_shapes(self.same_shapes, shapes)
        for name, rule in self._lists:
            value = settings.get(name, self.settings[name])
            wrong = wrong or wrong_length(name, value, rule, shapes)
        return wrong

    @cached_property
    def signature(self) -> Signature:
        return _without_state(self, read_signature(self.function))


def _without_state(declaration: Loss | Balance, found: Signature) -> Signature:
    """The signature without `state`, which is a parameter and no setting."""
    if declaration.state is None:
        return found
    if STATE not in found.mandatory:
        raise PluginError(
            f"The {declaration.kind} '{declaration.name}' declares state= but has no keyword "
            f"parameter '{STATE}'."
        )
    settings = {name: value for name, value in found.settings.items() if name != STATE}
    return replace(found, settings=settings, mandatory=found.mandatory - {STATE})


@dataclass(frozen=True, repr=False)
class Function(Declaration, Nameable):
    """A function of tensors that a formula can call.

    Attributes:
        on: where it may stand: between 'losses', inside arguments on 'tensors', or 'both'.
        latex: a LaTeX template with `{0}`, `{1}`, … for its arguments.
        across_batch: whether one example's value depends on the others; it is then refused where
            rows are missing, since a missing row holds zeros that it would count.
        bounds: from the (lowest, highest) value of each argument to its own, infinite where there
            is no end; None: it may take any value.
    """

    on: Context = "both"
    latex: str = ""
    across_batch: bool = False
    bounds: Callable[..., tuple[float, float]] | None = field(default=None, compare=False)

    kind = "function"


@dataclass(frozen=True, repr=False)
class Network(Declaration, Nameable):
    """A frozen network that a formula calls on tensors, `mse(vgg(prediction).block3, …)`.

    The function gets (batch, …) and the names of layers, '' for the output, and returns a mapping
    from each of them to its tensor. Nothing of it is trained; gradients flow to what it is called
    on.

    Attributes:
        layers: from nothing to the names of its layers; None where any may be there.
        shapes: from the shape of what it is called on and a layer's name to that layer's shape;
            None where it is not known. It raises ValueError where the network cannot take that.
        digest: from nothing to a text that is equal for equal networks.
    """

    layers: Callable[[], tuple[str, ...] | None] = field(default=lambda: None, compare=False)
    shapes: Callable[[Shape, str], Shape | None] = field(
        default=lambda given, layer: None, compare=False
    )
    digest: Callable[[], str] = field(default=lambda: "", compare=False)

    kind = "network"
    on: ClassVar[Context] = "tensors"


# What the function of a balance may ask for; see `Balance`.
OF_GRADIENTS = ("gramian", "largest", "mean_size", "traces")
BALANCE_INPUTS = ("losses", *OF_GRADIENTS, "step", "new_epoch")


@dataclass(frozen=True, repr=False)
class Balance(Declaration, Nameable):
    """A method that gives the members of a formula's group one weight each, in every step.

    The function asks, by name, for what it needs, float32 tensors without a gradient: `losses`
    (m,), the members with their own coefficients; `gramian` (m, m), the inner products of their
    gradients; `largest` and `mean_size` (m,), the largest and the mean absolute entry of each
    gradient; `traces` (m,), an estimate of the trace of each one's neural tangent kernel, NaN
    without rows; `step`, counted from 0; `new_epoch`, whether this step is an epoch's first. It
    returns the weights (m,), or a pair: the weights and a scalar that is added to the total; with
    `logs` a third, a mapping from these names to (m,).

    A **constraint** is a balance of one member that is to stay within bounds: its weight grows
    until it does. What it adds belongs to its term, and it is weighed on a holdout as well.

    Attributes:
        state: from the number of members and the settings to a mapping from name to
            `tfloss.LossVariable`; the function then has the keyword parameter `state`. Weights that
            depend on a trainable variable are learned by the optimizer.
        positive: whether members have to be positive; a loss that declares a lower end below zero,
            or none, is refused.
        adds: whether it returns a pair; what it adds is a term of its own name.
        logs: the names of what is logged of each member, `multiplier(kl)`; default: the weights.
        bounds: of a constraint: from the settings to the lowest and the highest value that its
            member may have, None for no bound; raises ValueError with a sentence where the settings
            contradict each other.
    """

    state: Callable[[int, Mapping[str, Any]], Mapping[str, LossVariable]] | None = field(
        default=None, compare=False
    )
    positive: bool = False
    adds: bool = False
    logs: tuple[str, ...] = ()
    bounds: Callable[[Mapping[str, Any]], tuple[float | None, float | None]] | None = field(
        default=None, compare=False
    )

    kind = "balance"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.signature.positional:
            if name not in BALANCE_INPUTS:
                raise PluginError(
                    f"The balance '{self.name}' asks for '{name}'; there are: "
                    f"{', '.join(BALANCE_INPUTS)}."
                )

    @cached_property
    def signature(self) -> Signature:
        return _without_state(self, read_signature(self.function))

    @property
    def is_constraint(self) -> bool:
        """Whether it keeps one member within bounds."""
        return self.bounds is not None

    @property
    def needs_rows(self) -> bool:
        """Whether it asks for something of each row of a member."""
        return "traces" in self.signature.positional

    @property
    def needs_gradients(self) -> bool:
        """Whether it asks for something of the members' gradients."""
        return any(name in self.signature.positional for name in OF_GRADIENTS)


@dataclass(frozen=True, repr=False)
class Reduction(Declaration, Nameable):
    """A way from one value per example to one value per batch.

    The function gets `(values, weight, present)`, each (batch,) float32: values are 0 where an
    example is missing; `present` is 1 or 0; `weight` is the sample weight, already 0 where missing.
    """

    kind = "reduction"


@dataclass(frozen=True, repr=False)
class Schedule(Declaration, Nameable):
    """A coefficient that changes with the step.

    The function's first parameter is `step`, a float32 scalar counted from 0; then come the
    positional numbers of the formula; its setting `steps` also accepts `epochs=` in a formula,
    converted.
    """

    kind = "schedule"


@dataclass(frozen=True, repr=False)
class Teacher(Declaration):
    """A factory of estimators: keyword settings in, an unfitted estimator out.

    Attributes:
        estimator: dotted name of the class that it makes, for listings.
        open_settings: whether settings beyond the signature's are passed on with `set_params`.
        answers: what it gives, for listings: 'probabilities', 'calibrated' (probabilities that
            scikit-learn's calibration makes), 'prediction', or 'prediction and deviation'.
        cost: from (rows, classes) to the seconds that fitting takes; None where it is cheap.
        layers: whether it is a network, whose layers a formula may name as `teacher.LAYER`.
    """

    estimator: str = ""
    open_settings: bool = True
    answers: str = ""
    cost: Callable[[int, int], float] | None = field(default=None, compare=False)
    layers: bool = False

    kind = "teacher"


@dataclass(frozen=True, repr=False)
class Dataset(Declaration):
    """A loader of a data set: keyword settings in, a `tfloss.Table` out."""

    kind = "dataset"


@dataclass(frozen=True, repr=False)
class Model(Declaration):
    """A factory of students: `(inputs, outputs, *numbers, **settings)` in, a Keras model out.

    `inputs` is the number of features (or a shape), `outputs` the number of logits.

    Attributes:
        layers: from the numbers and settings of a model's text to the names of the layers, where
            they are known without building the model, so that a formula can be checked early.
    """

    layers: Callable[..., tuple[str, ...]] | None = None

    kind = "model"


@dataclass(frozen=True, repr=False)
class Metric(Declaration):
    """A figure computed with numpy from `(classes, probs)`: (n,) int and (n, classes) float64.

    With the setting `sample_weight=None` it gets (n,) float64 where the data have weights. Where it
    raises, its cell says why.

    Attributes:
        better: 'higher' or 'lower', or None where neither is better.
        label: how a table names it.
        task: what it applies to, 'classification' or 'regression'; for regression it gets
            `(target, prediction)`, both (n, k) float64.
        batched: the same figure of R students in one call, for `tfloss compare`: it gets
            `(R, n)` and `(R, n, classes)`, or twice `(R, n, k)`, and returns (R,) float64. Without
            it, and where there are weights, the metric is called once for each student.
    """

    better: Literal["higher", "lower"] | None = None
    label: str = ""
    task: Literal["classification", "regression"] = "classification"
    batched: Callable[..., Any] | None = field(default=None, compare=False)

    kind = "metric"


@dataclass(frozen=True, repr=False)
class Recipe(Declaration):
    """A named configuration: a function without parameters that returns `train`'s options."""

    kind = "recipe"


@dataclass(frozen=True)
class Tracker(Declaration):
    """A factory of trackers: keyword settings in, an object that is notified of one training out.

    The object has any of these methods; one that raises is left out of the rest of the training:

    - `start(name, config)`: the training's name, and its configuration as plain values;
    - `epoch(number, step, train, holdout)`: the total and each weighted term by name; `holdout` is
      None for an epoch that was not evaluated;
    - `scores(scores)`: metrics by 'student on holdout', 'teacher on holdout', …;
    - `finish(folder)`: the run's folder with all its files, or None where the training failed.
    """

    kind = "tracker"


def _full_precision(tensor: Any) -> Any:
    """Half precision as float32, in which losses compute; anything else as it is."""
    if isinstance(tensor, list):
        return [_full_precision(one) for one in tensor]
    return tf.cast(tensor, tf.float32) if _dtype(tensor) in ("float16", "bfloat16") else tensor


def _of_one_dtype(given: Mapping[str, Any], groups: tuple[tuple[str, ...], ...]) -> dict[str, Any]:
    """Whole numbers in the dtype of the other tensors of their shape: labels of 0 and 1."""
    changed = {}
    for group in groups:
        there = [(name, given[name]) for name in group if given.get(name) is not None]
        floats = [_dtype(tensor) for _, tensor in there if _dtype(tensor).startswith("float")]
        for name, tensor in there:
            if floats and _dtype(tensor).startswith(("int", "uint", "bool")):
                changed[name] = tf.cast(tensor, floats[0])
    return changed


def _dtype(tensor: Any) -> str:
    """The name of a tensor's dtype; '' of what has none."""
    dtype = getattr(tensor, "dtype", None)
    return str(getattr(dtype, "name", dtype or ""))


def shown(value: Any) -> str:
    """A setting's value for a sentence: short, numbers as they were written."""
    value = list(value) if isinstance(value, tuple) else value
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
