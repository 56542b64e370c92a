"""A formula bound to a registry and a scope: call it with tensors, get the total and each term."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from tfloss.display import renderer
from tfloss.errors import UsageError
from tfloss.formula import Node, as_node, to_text
from tfloss.lazy import tf
from tfloss.objective.across_replicas import Replicas, values_of
from tfloss.objective.evaluate import Evaluator, Value
from tfloss.objective.gradient_monitor import GradientMonitor, names_of
from tfloss.objective.loss_variables import States
from tfloss.objective.names import numbered
from tfloss.objective.plan import (
    AverageUse,
    BalanceUse,
    NetworkUse,
    TensorUse,
    Term,
    Use,
    WeightsUse,
)
from tfloss.objective.scope import Scope, Tensors
from tfloss.objective.terms import plan_terms
from tfloss.objective.total import total_of
from tfloss.registry import Reduction, Registry

DEFAULT_REDUCTION = "mean"


class _Values(NamedTuple):
    total: Any
    terms: tuple[Any, ...]


class Outcome(_Values):
    """The value of an objective on one batch, float32 scalars.

    Attributes:
        total: the sum of the terms, and of what balances add.
        terms: each term as weighted, then what is logged besides, in the order of
            `Objective.names`.
        counts: over how many examples each of these is a mean; None: over all of the batch.
    """

    counts: tuple[Any, ...] = ()


class Objective:
    """What training minimises.

    Args:
        formula: text or tree.
        registry: what its names stand for.
        scope: the tensors that it can see.
        steps_per_epoch: turns the epochs of schedules into steps.
        allow_negative: accept coefficients below zero.
        seed: of the variables that losses hold.
        watch: measures the gradients of the terms.

    Attributes:
        terms: the plan of each term.
        names: what is logged, in order: the terms, then what balances add to the total, then what
            is no part of it: `weight(TERM)` of balances, `multiplier(TERM)` of constraints,
            `gradient(TERM)` where gradients are watched, `temperature(TERM)` of learned settings.
        logged: those that are no part of the total.
        states: the variables that losses hold.
        parts: the layers that are wanted of each call of a frozen network; see `NetworkUse.call`.
        gathers: whether losses about the whole batch see the rows of all replicas, where there are
            several; for explaining.

    Raises:
        FormulaError: the formula does not fit the registry or the scope; with the position.
    """

    def __init__(
        self,
        formula: Node | str,
        registry: Registry,
        scope: Scope,
        *,
        steps_per_epoch: float = 1.0,
        allow_negative: bool = False,
        seed: int = 0,
        watch: GradientMonitor | None = None,
    ) -> None:
        self.formula = as_node(formula)
        self.text = to_text(self.formula)
        self.scope = scope
        self.steps_per_epoch = float(steps_per_epoch)
        self.terms = plan_terms(formula, registry, scope, allow_negative=allow_negative)
        self.balances = _balances(self.terms)
        self.watch = watch
        summands, logged = _names(self.terms, self.balances)
        watched = names_of([term.name for term in self.terms]) if watch else ()
        self.states = States(self.terms, seed, len(watched))
        self.logged = (*logged, *watched, *self.states.learned_names)
        self.names = (*summands, *self.logged)
        self._summands = len(summands)
        self.gathers = True
        self._mean = _default_reduction(registry)
        self.parts = _parts(self.terms)

    @property
    def variables(self) -> dict[str, Any]:
        """The variables that losses hold by path, 'term/variable', once it was called."""
        return self.states.variables

    @property
    def trainable_variables(self) -> list[Any]:
        """Those that an optimizer changes."""
        return [variable for variable in self.variables.values() if variable.trainable]

    def values(self) -> dict[str, Any]:
        """The values of `variables`, numpy arrays by path, to be saved."""
        return {path: variable.numpy() for path, variable in self.variables.items()}

    def load(self, values: Mapping[str, Any]) -> None:
        """Put saved values back; those of variables not yet made, as soon as they are.

        Raises:
            DataError: they are another formula's.
        """
        self.states.load(values)

    @property
    def needs(self) -> frozenset[str]:
        """The names of the scope that the formula uses."""
        names = set()
        for term in self.terms:
            for use in term.body.walk():
                if isinstance(use, TensorUse):
                    names.add(use.name)
                elif isinstance(use, (WeightsUse, AverageUse)):
                    names.add("weights")
        if self.watch or any(use.balance.needs_gradients for use in self.balances):
            names.add("weights")
        names |= {use.by.name for use in self.balances if isinstance(use.by, TensorUse)}
        return frozenset(names)

    @property
    def averaged(self) -> frozenset[str]:
        """What the formula uses of the student with averaged weights: names of the scope."""
        return frozenset(u.part for u in _uses(self.terms) if isinstance(u, AverageUse))

    @property
    def networks(self) -> dict[str, str]:
        """The digests of the frozen networks that the formula calls, by name."""
        used = {u.network.name: u.network for u in _uses(self.terms) if isinstance(u, NetworkUse)}
        return {name: network.digest() for name, network in used.items()}

    def __call__(
        self,
        tensors: Mapping[str, Any],
        *,
        present: Mapping[str, Any] | None = None,
        masks: Mapping[str, Any] | None = None,
        by_element: Mapping[str, Any] | None = None,
        sample_weight: Any = None,
        step: Any = 0.0,
        training: bool = False,
        student: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None,
        replicas: Replicas | None = None,
        again: Callable[[], Mapping[str, Any]] | None = None,
    ) -> Outcome:
        """The total and each weighted term on one batch.

        Args:
            tensors: by name, first axis the batch; `weights` maps paths to variables.
            present: by name, float32, 0 where that tensor is missing: (batch,), or with more of the
                tensor's axes where only elements are.
            by_element: by name, what losses of single elements get in place of a tensor.
            masks: by name, (batch,) or (batch, steps) float32: 0 where Keras masks that tensor.
            sample_weight: (batch,) float32.
            step: scalar, counted from 0, for schedules.
            training: whether losses may give the variables that they hold new values.
            student: where `averaged` is not empty: computes these of the student, on the same rows,
                with the weights that it is given by path.
            replicas: where these are some rows of a batch whose others are on other devices.
            again: computes `tensors` and `by_element`, by these names, once more; for a measurement
                of gradients, which is a computation of its own. Without it every step measures.

        Raises:
            UsageError: shapes that do not match.
            PluginError: a loss that fails, or returns another shape than it declares.
        """
        evaluator = Evaluator(
            tensors=Tensors(tensors, self.scope),
            scope=self.scope,
            present={n: tf.convert_to_tensor(m) for n, m in (present or {}).items()},
            masks=masks or {},
            by_element=by_element or {},
            weight=sample_weight,
            step=tf.cast(step, tf.float32),
            steps_per_epoch=self.steps_per_epoch,
            mean=self._mean,
            states=self.states,
            training=training,
            parts=self.parts,
            student=student,
            replicas=replicas,
        )
        if self.watch is not None and replicas is not None:
            raise UsageError(
                "watch= measures gradients on one device; leave it out, or leave the strategy out."
            )
        coefficients = self._coefficients(evaluator)
        if replicas is None:
            pairs = [evaluator.rows_and_mean(term.body) for term in self.terms]
            rows, found = [list(values) for values in zip(*pairs, strict=True)]
        else:
            rows = found = values_of(self.terms, evaluator, replicas)
        weighted = _weighted(coefficients, found)
        factors: list[Any] = [1.0] * len(weighted)
        added: list[Any] = []
        logged: list[Any] = []
        for use in self.balances:
            members = [at for at, term in enumerate(self.terms) if term.balance is use]
            result = evaluator.balanced(
                use,
                [self.terms[at] for at in members],
                [weighted[at] for at in members],
                [rows[at] for at in members],
            )
            for number, at in enumerate(members):
                weighted[at], factors[at] = result.members[number], result.weights[number]
            added += [] if result.added is None else [result.added]
            logged += result.logged
        if self.watch is not None:
            logged += evaluator.gradients(self.watch, self._anew(evaluator, factors, again))
        values = (*weighted, *added, *logged, *self.states.learned().values())
        counts = [value.count for value in found]
        counts += [None] * (len(values) - len(counts))
        outcome = Outcome(self.total(values), values)
        outcome.counts = tuple(counts)
        return outcome

    def _coefficients(self, evaluator: Evaluator) -> list[Any]:
        """The terms' own, before any term: a schedule is the first to learn of a step."""
        return [evaluator.coefficient(term.coefficient) for term in self.terms]

    def _anew(
        self,
        evaluator: Evaluator,
        factors: Sequence[Any],
        again: Callable[[], Mapping[str, Any]] | None,
    ) -> Callable[[], list[Any]]:
        """Computes the weighted terms once more, for a measurement of their gradients."""

        def terms() -> list[Any]:
            own = evaluator
            if again is not None:
                given = again()
                own = replace(
                    own,
                    tensors=Tensors(given["tensors"], self.scope),
                    by_element=given.get("by_element") or {},
                    answers={},
                )
            coefficients = self._coefficients(own)
            found = [own.reduced(term.body) for term in self.terms]
            return [f * v for f, v in zip(factors, _weighted(coefficients, found), strict=True)]

        return terms

    def total(self, values: Sequence[Any]) -> Any:
        """The sum of logged values: of the terms, what balances add, and what follows `names`.

        Args:
            values: scalars in the order of `names`; behind them, losses that a model adds itself.
        """
        return total_of([*values[: self._summands], *values[len(self.names) :]])

    def _repr_latex_(self) -> str:
        return self.formula._repr_latex_()

    def _repr_html_(self) -> str:
        return renderer().objective_html(self)

    def __str__(self) -> str:
        """The formula, and what each loss is bound to, a line for each tensor."""
        from tfloss.objective.explain import as_text

        return as_text(self)

    def __repr__(self) -> str:
        return f"Objective({self.text!r})"


def _weighted(coefficients: Sequence[Any], values: Sequence[Value]) -> list[Any]:
    return [factor * one.tensor for factor, one in zip(coefficients, values, strict=True)]


def _uses(terms: Iterable[Term]) -> list[Use]:
    return [use for term in terms for use in term.body.walk()]


def _parts(terms: Iterable[Term]) -> dict[tuple[str, str], tuple[str, ...]]:
    """The layers that are wanted of each call of a frozen network, '' for its output."""
    wanted: dict[tuple[str, str], set[str]] = {}
    for use in _uses(terms):
        if isinstance(use, NetworkUse):
            wanted.setdefault(use.call, set()).add(use.part)
    return {call: tuple(sorted(parts)) for call, parts in wanted.items()}


def _balances(terms: Iterable[Term]) -> tuple[BalanceUse, ...]:
    """Each balance once, in order."""
    found = {id(term.balance): term.balance for term in terms}
    return tuple(use for use in found.values() if use is not None)


def _names(
    terms: Iterable[Term], balances: Iterable[BalanceUse]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What adds up to the total, and what is logged as well; a name is given once, then kl#2."""
    terms, balances = list(terms), list(balances)
    adding = [use for use in balances if use.balance.adds and not use.balance.is_constraint]
    logged = [
        f"{what}({term.constrained or term.name})"
        for use in balances
        for what in use.balance.logs or ("weight",)
        for term in terms
        if term.balance is use
    ]
    names = [*(term.name for term in terms), *(use.balance.name for use in adding), *logged]
    unique = numbered(names)
    return unique[: len(terms) + len(adding)], unique[len(terms) + len(adding) :]


def _default_reduction(registry: Registry) -> Reduction:
    try:
        return registry.reductions[DEFAULT_REDUCTION]
    except KeyError:
        raise UsageError(
            f"No plugin registers the reduction '{DEFAULT_REDUCTION}', which averages a term over "
            f"the batch; switch the plugin 'reductions' on again."
        ) from None
