"""What an objective does, in words, as rows of tables."""

from __future__ import annotations

from collections.abc import Iterator

from tfloss.objective.coefficients import constant_value
from tfloss.objective.objective import Objective
from tfloss.objective.plan import LossUse, ReductionUse, TensorUse, Term, Use, WeightsUse
from tfloss.objective.scope import Scope
from tfloss.registry.shapes import shape_text


def terms_of(objective: Objective) -> list[tuple[str, str, str, str, str]]:
    """Term, coefficient, loss, settings, reduction: a row for each loss of each term."""
    return [
        (
            term.name,
            _coefficient(term),
            use.loss.name,
            ", ".join(f"{k}={v}" for k, v in {**use.loss.settings, **use.settings}.items()),
            _reduction(term, use, objective.gathers),
        )
        for term in objective.terms
        for use in term.losses
    ]


def definitions_of(objective: Objective) -> list[tuple[str, str]]:
    """Loss and its definition in LaTeX, each loss once."""
    losses = {use.loss.name: use.loss for term in objective.terms for use in term.losses}
    return [(name, loss.latex or loss.summary) for name, loss in losses.items()]


def bindings_of(objective: Objective) -> list[tuple[str, str, str, str, str]]:
    """Loss, tensor, what it is bound to, its shape, its origin: a row for each tensor."""
    return [
        (use.text, *row)
        for term in objective.terms
        for use in term.losses
        for parameter, bound in use.tensors.items()
        for row in _bindings(parameter, bound, objective.scope)
    ]


def as_text(objective: Objective) -> str:
    """The formula, and below it what the tensors of each loss are bound to.

    bce + 1e-3*l2(hidden)
      bce         labels  labels         (batch, 1)  data
      bce         logits  logits         (batch, 1)  model output
      l2(hidden)  weights hidden/kernel              student's weight
    """
    rows = bindings_of(objective)
    widths = [max((len(row[place]) for row in rows), default=0) for place in range(4)]
    lines = [
        "  " + "  ".join([*(part.ljust(w) for part, w in zip(row, widths, strict=False)), row[4]])
        for row in rows
    ]
    return "\n".join([objective.text, *lines])


def _coefficient(term: Term) -> str:
    plain = coefficient_text(term)
    return f"{plain}, weighed by {term.balance.balance.name}" if term.balance else plain


def coefficient_text(term: Term) -> str:
    """A term's own coefficient as a formula writes it."""
    value = constant_value(term.coefficient)
    if value is not None:
        return f"{value:g}"
    # A schedule with the constants around it; the sign alone is left out when it is a plus.
    factors = [use for use in term.coefficient.children() if constant_value(use) != 1.0]
    return "*".join(use.text for use in factors) or term.coefficient.text


def _bindings(parameter: str, bound: Use, scope: Scope) -> Iterator[tuple[str, str, str, str]]:
    if isinstance(bound, WeightsUse):
        for path in scope.matching_weights(bound.pattern):
            yield parameter, path, "", "student's weight"
        return
    if isinstance(bound, TensorUse):
        entry = scope[bound.name]
        yield parameter, entry.name, shape_text(entry.shape), entry.origin
        return
    names = dict.fromkeys(use.name for use in bound.walk() if isinstance(use, TensorUse))
    shapes = ", ".join(f"{name} {shape_text(scope[name].shape)}" for name in names)
    origins = ", ".join(dict.fromkeys(scope[name].origin for name in names))
    yield parameter, bound.text, shapes, origins


def _reduction(term: Term, use: LossUse, gathers: bool) -> str:
    for part in term.body.walk():
        if isinstance(part, ReductionUse) and any(below is use for below in part.walk()):
            return part.reduction.name
    if use.loss.per != "batch":
        return "mean"
    if all(isinstance(bound, WeightsUse) for bound in use.tensors.values()):
        return "one per batch"  # the same on all replicas
    return f"one per batch of {'all replicas' if gathers else 'each replica'}"
