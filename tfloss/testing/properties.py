"""What the declaration says of the loss: range, optimum, symmetry, reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tfloss.testing.checks import check
from tfloss.testing.compare import all_close
from tfloss.testing.domains import Parameter
from tfloss.testing.inputs import Inputs, row_count, take
from tfloss.testing.results import CheckFailure, NotApplicable
from tfloss.testing.shrink import smallest
from tfloss.testing.subject import REFUSALS, Subject

_CERTAIN = 50.0  # a logit so far out that the rest of a softmax is nothing


@check("range as declared")
def range_as_declared(subject: Subject) -> int:
    """No value lies outside the declared range."""
    low, high = subject.loss.range
    if low is None and high is None:
        raise NotApplicable("it declares no range")
    tried = 0

    def outside(values: np.ndarray) -> bool:
        values = values[np.isfinite(values)]  # what is not finite is another check's
        below = low is not None and np.any(values < low - 1e-5 * max(1.0, abs(low)))
        above = high is not None and np.any(values > high + 1e-5 * max(1.0, abs(high)))
        return bool(below or above)

    for width in subject.widths:
        inputs = subject.everything(width)
        tried += row_count(inputs)
        if outside(np.asarray(subject.eager(width)[0])):
            found = smallest(inputs, lambda given: outside(np.asarray(subject.values(given))))
            raise CheckFailure(
                f"{subject.loss.name} is {subject.values(found)}, outside of its range {low} to "
                f"{high}.",
                tried=f"{row_count(inputs)} examples of width {width}",
                cause="a sign, a term that is left out (on one column a divergence has two "
                "shares), or a range that is declared too narrow.",
                inputs=found,
            )
    return tried


@check("zero at the optimum")
def zero_at_the_optimum(subject: Subject) -> int:
    """With zero_at_optimum=True it is zero where the student agrees, and not elsewhere."""
    if not subject.loss.zero_at_optimum:
        raise NotApplicable("it does not declare zero_at_optimum=True")
    tried = 0
    for width in subject.widths:
        inputs = subject.moderate(width)
        tried += row_count(inputs)
        agreed = agreeing(subject, inputs)
        values = subject.values(agreed, subject.exact_dtype)
        if not np.all(np.abs(values) < 1e-4):
            raise CheckFailure(
                f"{subject.loss.name} is {values.max():.6g} where the student agrees with its "
                f"target.",
                tried=f"{row_count(inputs)} examples of width {width} that agree",
                cause="probabilities where logarithms belong, a temperature on one side only, an "
                "additive constant, or a target that is not the optimum (zero_at_optimum=False).",
                inputs=smallest(
                    agreed,
                    lambda g: bool(np.any(np.abs(subject.values(g, subject.exact_dtype)) >= 1e-4)),
                ),
            )
        if not np.any(np.abs(subject.values(inputs)) > 1e-6):
            raise CheckFailure(
                f"{subject.loss.name} is zero also where the student disagrees with its target.",
                tried=f"{row_count(inputs)} random examples of width {width}",
                cause="it compares a tensor with itself.",
                inputs=take(inputs, [0]),
            )
    return tried


def agreeing(subject: Subject, inputs: Inputs) -> Inputs:
    """The same targets, with a student that agrees with them.

    Raises:
        NotApplicable: the kit does not know what agreement means for these domains.
    """
    targets = [p for p in subject.parameters if p.is_target and p.name != "sample_weight"]
    students = subject.differentiable
    if not targets and len(students) == 2:  # two tensors that shall agree: the first is the target
        targets, students = students[:1], students[1:]
    if len(targets) != 1 or not students:
        raise NotApplicable("agreement is not defined for these tensors")
    target = targets[0]
    agreed = dict(inputs)
    for student in students:
        convert = _CONVERSIONS.get((target.domain.name, student.domain.name))
        apart = student.factor not in (None, target.factor)  # '*any' allows the target's width
        if apart or (convert is None and target.domain != student.domain):
            raise NotApplicable(f"'{target.name}' and '{student.name}' have no agreement")
        given = inputs[target.name]
        agreed[student.name] = given if convert is None else convert(given)
    return agreed


def _certain_logits(classes: np.ndarray) -> np.ndarray:
    return _CERTAIN * (2 * classes - 1)


def _log_odds(probs: np.ndarray) -> np.ndarray:
    if probs.shape[-1] == 1:
        return np.log(probs) - np.log1p(-probs)
    return np.log(probs)


def _distribution(logits: np.ndarray) -> np.ndarray:
    if logits.shape[-1] == 1:
        return 1 / (1 + np.exp(-logits))
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


# From a target's domain to a student's: what the student says when it agrees.
_CONVERSIONS: dict[tuple[str, str], Callable[[np.ndarray], np.ndarray]] = {
    ("classes", "logits"): _certain_logits,
    ("classes", "probabilities"): lambda classes: classes,
    ("probabilities", "logits"): _log_odds,
    ("logits", "probabilities"): _distribution,
    ("yes_no", "logits"): _certain_logits,
    ("yes_no", "chances"): lambda given: given,
    ("chances", "logits"): lambda given: np.log(given) - np.log1p(-given),
    ("amounts", "log_amounts"): np.log,
    ("counts", "log_amounts"): np.log,
    ("amounts", "numbers"): lambda amounts: amounts,
    ("counts", "numbers"): lambda counts: counts,
    ("counts", "amounts"): lambda counts: counts,
}


@check("elements as declared")
def elements_as_declared(subject: Subject) -> int:
    """elementwise=True: the value of an example is the mean of its elements, taken one by one."""
    if not subject.loss.elementwise:
        raise NotApplicable("it is not said to be about single elements")
    inputs = subject.moderate(subject.width)
    rows = row_count(inputs)
    alone = {name: np.reshape(value, (-1, 1)) for name, value in inputs.items()}
    means = np.reshape(subject.values(alone), (rows, -1)).mean(axis=1)
    if not all_close(subject.values(inputs), means):
        raise CheckFailure(
            f"{subject.loss.name} declares elementwise=True but is not the mean over its elements.",
            tried=f"{rows} examples of width {subject.width}",
            cause="a sum in place of a mean, or columns that are compared with each other.",
            inputs=take(inputs, [0]),
        )
    return rows


@check("symmetry as declared")
def symmetry_as_declared(subject: Subject) -> int:
    """symmetric=True: exchanging the first two tensors changes nothing; False: it does."""
    declared = subject.loss.symmetric
    if declared is None:
        raise NotApplicable("it says nothing of symmetry")
    first, second = subject.parameters[:2]
    inputs = subject.moderate(subject.width)
    exchanged = {**inputs, **_exchanged(first, second, inputs)}
    one = subject.values(inputs, subject.exact_dtype)
    two = subject.values(exchanged, subject.exact_dtype)
    if all_close(one, two) != declared:
        raise CheckFailure(
            f"{subject.loss.name} declares symmetric={declared}, but exchanging '{first.name}' and "
            f"'{second.name}' turns {np.ravel(one)[0]:.6g} into {np.ravel(two)[0]:.6g}.",
            tried=f"{row_count(inputs)} examples, exchanged",
            cause="only one direction of a divergence, a weight on one side, or a declaration that "
            "is not meant.",
            inputs=take(inputs, [0]),
        )
    return row_count(inputs)


def _exchanged(first: Parameter, second: Parameter, inputs: Inputs) -> Inputs:
    def turned(source: Parameter, goal: Parameter) -> Any:
        if source.domain == goal.domain:
            return inputs[source.name]
        convert = _CONVERSIONS.get((source.domain.name, goal.domain.name))
        if convert is None:
            raise NotApplicable(f"'{source.name}' cannot be turned into '{goal.name}'")
        return convert(inputs[source.name])

    return {first.name: turned(second, first), second.name: turned(first, second)}


@check("equals its reference")
def equals_its_reference(subject: Subject) -> int:
    """It gives what reference= gives, a plain numpy function; also with each number changed."""
    reference = subject.loss.reference
    if reference is None:
        raise NotApplicable("it declares no reference")
    tried = 0
    for width in subject.widths:
        inputs = subject.moderate(width)
        for changed in ({}, *_variations(subject)):
            settings = {**subject.settings, **changed}
            try:
                found = subject.values(inputs, subject.exact_dtype, **settings)
            except REFUSALS:
                continue  # the changed setting is not allowed
            expected = np.asarray(reference(**inputs, **settings))
            tried += row_count(inputs)
            if not all_close(found, expected):
                _report_difference(subject, inputs, settings, found, expected)
    return tried


def _variations(subject: Subject) -> list[dict[str, Any]]:
    """Each numeric setting made smaller and larger: at its default, a mistake can be invisible."""
    return [
        {name: value * factor}
        for name, value in {**subject.loss.settings, **subject.settings}.items()
        if isinstance(value, float)
        for factor in (0.6, 1.5)
    ]


def _report_difference(
    subject: Subject, inputs: Inputs, settings: Any, found: np.ndarray, expected: np.ndarray
) -> None:
    reference = subject.loss.reference
    assert reference is not None

    def differs(given: Inputs) -> bool:
        return not all_close(
            subject.values(given, subject.exact_dtype, **settings), reference(**given, **settings)
        )

    with_settings = f" with {settings}" if settings else ""
    ratio = _ratio(found, expected)
    raise CheckFailure(
        f"{subject.loss.name}{with_settings} is {np.ravel(found)[0]:.6g}, its reference "
        f"{np.ravel(expected)[0]:.6g}{ratio}.",
        tried=f"{row_count(inputs)} examples{with_settings}",
        cause="teacher and student exchanged, probabilities where logarithms belong, a factor left "
        "out (T²), a weight on the wrong side, or the reference itself.",
        inputs=smallest(inputs, differs),
    )


def _ratio(found: np.ndarray, expected: np.ndarray) -> str:
    """Say so when the two differ by one factor: it tells which one was forgotten."""
    with np.errstate(all="ignore"):
        ratios = np.ravel(np.asarray(expected) / np.asarray(found))
    constant = (
        ratios.size and np.all(np.isfinite(ratios)) and np.ptp(ratios) < 1e-4 * abs(ratios[0])
    )
    return f", always {ratios[0]:.4g} times as much" if constant and ratios.size > 1 else ""
