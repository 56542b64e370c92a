"""What a training's curves tell of its weights, constraints and gradients, a sentence each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from tfloss.formula import Node, parse, to_text
from tfloss.objective.coefficients import constant_value
from tfloss.objective.explain import coefficient_text
from tfloss.objective.gradient_monitor import cosine_name, norm_name
from tfloss.objective.objective import Objective
from tfloss.objective.plan import Term

Curves = Mapping[str, Any]

_AGAINST = -0.1  # mean cosine from which on two gradients are said to pull against each other
_HARDLY = 0.01  # of the longest gradient: a shorter one hardly counts
_NUMBER = re.compile(r"#\d+$")


def static_formula(objective: Objective, curves: Curves) -> str | None:
    """The formula with fixed coefficients that weighs as a training did on average.

    Args:
        objective: of the training.
        curves: by name, what was logged of each epoch; as `History.history` of Keras.

    Returns:
        a formula to copy, `0.83*bce + 1.17*kl`; None where nothing was weighed, or not finitely.
    """
    members = [term for term in objective.terms if term.balance and not term.constrained]
    means = {term.name: _mean(curves.get(f"weight({term.name})", ())) for term in members}
    if not members or not all(map(np.isfinite, means.values())):
        return None
    pieces = [_piece(term, means.get(term.name)) for term in objective.terms]
    total, negative = pieces[0]
    total = -total if negative else total
    for node, negative in pieces[1:]:
        total = total - node if negative else total + node
    return to_text(total)


def _piece(term: Term, weight: float | None) -> tuple[Node, bool]:
    """A term as a formula writes it, and whether it is subtracted."""
    body = parse(_NUMBER.sub("", term.name))
    if term.constrained:
        return body, False
    value = constant_value(term.coefficient)
    if value is None:
        schedule = parse(coefficient_text(term)) * body
        return (schedule if weight is None else _short(weight) * schedule), False
    if weight is not None:
        value *= weight
    value = _short(value) if weight is not None or float(value).is_integer() else value
    return (body if abs(value) == 1 else abs(value) * body), value < 0


def _short(number: float) -> int | float:
    """With three significant digits."""
    value = float(f"{number:.3g}")
    return int(value) if value.is_integer() else value


def remarks_of(objective: Objective, curves: Curves) -> list[str]:
    """Sentences for the end of a training.

    Args:
        objective: of the training.
        curves: by name, what was logged of each epoch.
    """
    found = []
    static = static_formula(objective, curves)
    if static is not None:
        found.append(f"On average the training weighed as this formula does: {static}")
    found += [_of_constraint(term, curves) for term in objective.terms if term.constrained]
    return [*filter(None, found), *gradient_remarks(curves)]


def _of_constraint(term: Term, curves: Curves) -> str:
    violation = curves.get(f"violation({term.constrained})", ())
    multiplier = curves.get(f"multiplier({term.constrained})", ())
    if not len(violation) or not len(multiplier):
        return ""
    last = float(violation[-1])
    held = f"is violated by {last:.3g}" if last > 0 else "holds"
    return (
        f"At the end '{_NUMBER.sub('', term.name)}' {held} on the training rows; its multiplier is "
        f"{float(multiplier[-1]):.3g}."
    )


def gradient_remarks(curves: Curves) -> list[str]:
    """Which terms pull against each other, and which hardly count, by their watched gradients.

    A term that hardly counts pulls against nothing, whatever its direction.

    Args:
        curves: by name, what was logged of each epoch: `gradient(TERM)`, `cosine(TERM, TERM)`; as
            `History.history` of Keras. Whatever else there is does not matter.
    """
    start = norm_name("")[:-1]
    terms = [name[len(start) : -1] for name in curves if name.startswith(start)]
    lengths = {term: _mean(curves[norm_name(term)]) for term in terms}
    longest = max(lengths, key=lambda term: lengths[term], default="")
    hardly = [term for term in terms if lengths[term] < _HARDLY * lengths[longest]]
    counting = [term for term in terms if term not in hardly]
    return [
        *_against(counting, curves),
        *(
            f"'{term}' hardly counts: its gradient is on average "
            f"{100 * lengths[term] / lengths[longest]:.2g} % as long as that of '{longest}'."
            for term in hardly
        ),
    ]


def _against(terms: Sequence[str], curves: Curves) -> Iterator[str]:
    for one, other in combinations(terms, 2):
        cosines = np.asarray(curves.get(cosine_name(one, other), ()), np.float64)
        mean = _mean(cosines)
        if mean <= _AGAINST:
            share = 100 * float(np.mean(cosines < 0))
            yield (
                f"'{one}' and '{other}' pull against each other: the cosine of their gradients is "
                f"{mean:.2f} on average, and below 0 in {share:.0f} % of the epochs."
            )


def _mean(values: Any) -> float:
    values = np.asarray(values, np.float64)
    return float(values.mean()) if len(values) else float("nan")
