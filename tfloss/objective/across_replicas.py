"""The terms of a formula on one replica, with the values that one device would give.

A replica has some rows of a batch. What each of its rows says by itself, a loss per example, it
computes from these; what is about the batch it computes from the rows of all replicas: reductions
from one number per row, losses about the whole batch from the tensors that they are bound to. All
of that is exchanged at once: every replica takes part in one collective, whatever is missing in its
rows, and has the same terms as the others afterwards. Only a reduction inside of a term
(`bce/mean(mse)`) has an exchange of its own.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from tfloss.objective.evaluate import Evaluator, Value, average_key
from tfloss.objective.plan import (
    NO_SETTINGS,
    AverageUse,
    FunctionUse,
    LossUse,
    ReductionUse,
    TensorUse,
    Term,
    Use,
)
from tfloss.objective.scope import Tensors
from tfloss.ops.replicas import on_all_rows
from tfloss.registry import Reduction

K = TypeVar("K", bound=Hashable)
_AVERAGE = "average"
_WEIGHT = ("sample weight", "")


class Replicas(Protocol):
    """The replicas of a step, seen from one of them.

    Attributes:
        gathers: whether losses about the whole batch see the rows of all replicas.
    """

    gathers: bool

    def whole(self, parts: Mapping[K, Any]) -> dict[K, Any]:
        """Tensors with the rows of all replicas in place of this one's, in one collective.

        For values from which every replica goes on to compute the same. Gradients go to this
        replica's own rows, as many times as there are replicas, so that the mean of the replicas'
        gradients is the gradient that one device computes, by rows as by weights. Numbers become
        their mean, weighted by the rows of each replica.
        """

    def exchanged(self, parts: Mapping[K, Any]) -> dict[K, Any]:
        """The same for values from which replicas go on to compute something of their own rows.

        Then gradients come back from all of them, in a second collective.
        """

    def mean(self, tensors: Sequence[Any]) -> list[Any]:
        """The mean over the replicas of each tensor, in one collective."""


def is_about_the_batch(use: Use) -> bool:
    """Whether one row's value, or that of all, depends on several rows, reductions apart."""
    return any(
        (isinstance(part, LossUse) and part.loss.per == "batch")
        or (isinstance(part, FunctionUse) and part.function.across_batch)
        for part in use.walk()
    )


def holds_variables(use: Use) -> bool:
    """Whether a loss in it gives variables new values, which all replicas have to agree on."""
    return any(isinstance(part, LossUse) and part.loss.state is not None for part in use.walk())


def values_of(terms: Sequence[Term], evaluator: Evaluator, replicas: Replicas) -> list[Value]:
    """Each term's body as one number, the same on every replica.

    Args:
        terms: of the formula.
        evaluator: has the rows of this replica.
        replicas: what it exchanges rows with.
    """
    together = [
        holds_variables(term.body) or (replicas.gathers and is_about_the_batch(term.body))
        for term in terms
    ]
    asked: dict[Any, Any] = {}
    rows: dict[int, tuple[Any, Value, Any]] = {}
    for number, term in enumerate(terms):
        if together[number]:
            asked |= _tensors_of(term.body, evaluator)
            continue
        reduction, operand, settings = _last_reduction(term.body, evaluator)
        value = evaluator.losses(operand)
        if operand is not term.body and not value.per_example:
            evaluator.losses(term.body)  # refuses to reduce one number
        rows[number] = reduction, value, settings
        asked |= {(number, part): tensor for part, tensor in value.rows().items()}
    if evaluator.weight is not None:
        asked[_WEIGHT] = evaluator.weight
    whole = replicas.whole(asked)
    everywhere = _with_all_rows(evaluator, whole)
    found = []
    with on_all_rows():
        for number, term in enumerate(terms):
            if together[number]:
                found.append(everywhere.reduced(term.body))
                continue
            reduction, value, settings = rows[number]
            given = {part: whole[number, part] for part in value.rows()}
            found.append(everywhere.finished(reduction, replace(value, **given), settings))
    return found


def _last_reduction(body: Use, evaluator: Evaluator) -> tuple[Reduction, Use, Mapping[str, Any]]:
    """What makes one number of a term, and of what; so it waits for the rows of all replicas."""
    if isinstance(body, ReductionUse):
        return body.reduction, body.operand, body.settings
    return evaluator.mean, body, NO_SETTINGS


def _tensors_of(body: Use, evaluator: Evaluator) -> dict[Any, Any]:
    """The tensors that a term is about, with what is missing of them, by kind and name."""
    names = {use.name for use in body.walk() if isinstance(use, TensorUse)} - {"weights"}
    kinds = {
        "tensor": evaluator.tensors,
        "present": evaluator.present,
        "mask": evaluator.masks,
        "element": evaluator.by_element,
    }
    found = {
        (kind, name): held[name]
        for kind, held in kinds.items()
        for name in sorted(names)
        if kind == "tensor" or name in held
    }
    averages = [use for use in body.walk() if isinstance(use, AverageUse)]
    return found | {(_AVERAGE, (use.decay, use.part)): evaluator.tensor(use) for use in averages}


def _with_all_rows(evaluator: Evaluator, whole: Mapping[Any, Any]) -> Evaluator:
    """The same evaluator with what was exchanged in place of a replica's own rows."""

    def of(kind: str) -> dict[Any, Any]:
        return {name: tensor for (own, name), tensor in whole.items() if own == kind}

    answers: dict[Any, dict[str, Any]] = {}
    for (decay, part), tensor in of(_AVERAGE).items():
        answers.setdefault(average_key(decay), {})[part] = tensor
    weights = {"weights": evaluator.tensors["weights"]} if "weights" in evaluator.tensors else {}
    return replace(
        evaluator,
        replicas=None,
        tensors=Tensors({**of("tensor"), **weights}, evaluator.scope),
        present=of("present"),
        masks=of("mask"),
        by_element=of("element"),
        weight=whole.get(_WEIGHT),
        answers=answers,
    )
