"""Settings: what holds for the defaults holds for every value that the declaration allows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tfloss.lazy import tf
from tfloss.testing.checks import check
from tfloss.testing.compare import all_close
from tfloss.testing.gradients import finite_gradients
from tfloss.testing.inputs import row_count
from tfloss.testing.properties import range_as_declared
from tfloss.testing.results import CheckFailure, NotApplicable
from tfloss.testing.subject import REFUSALS, Subject, as_tensors
from tfloss.testing.values import finite_eager_values

_CAUSE = (
    "a floor, a power or a quotient that holds for the default only. Compute it so that it holds, "
    "or declare a narrower range: Annotated[float, Interval(low, high)]."
)


@check("settings over their range")
def settings_over_their_range(subject: Subject) -> int:
    """At both ends of a setting's declared range, values and gradients are finite and in range."""
    tried = 0
    for name, value in _ends(subject):
        tried += _at(subject, name, value)
    if not tried:
        raise NotApplicable("it declares no ranges of settings")
    return tried


@check("settings that are learned")
def learned_settings(subject: Subject) -> int:
    """A setting that declares Learnable() may be a tensor: the same value, and a gradient."""
    loss, tried = subject.loss, 0
    for name in (n for n, rule in loss.signature.rules.items() if rule.learnable):
        number = float(subject.settings.get(name, loss.settings[name]))
        inputs = subject.moderate(subject.width)
        value, gradient = _as_tensor(subject, inputs, name, number)
        expected = subject.values(inputs)
        if gradient is None or not np.isfinite(gradient) or not all_close(value, expected):
            raise CheckFailure(
                f"{loss.name} with {name}={number!r} as a tensor has the value "
                f"{np.ravel(value)[:3]}, not {np.ravel(expected)[:3]}, and the gradient "
                f"{gradient}.",
                tried=f"{row_count(inputs)} examples, in a compiled function",
                cause="Python's own `if`, `math` or `float` on the setting; write it with "
                "TensorFlow, or do not declare it Learnable().",
                inputs=inputs,
            )
        tried += row_count(inputs)
    if not tried:
        raise NotApplicable("none of its settings can be learned")
    return tried


def _as_tensor(subject: Subject, inputs: Any, name: str, number: float) -> tuple[Any, Any]:
    """The loss's values with a setting that is a tensor, and the gradient of their sum for it."""

    def compiled(setting: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(setting)
            values = subject.call(as_tensors(inputs), **{name: setting})
            total = tf.reduce_sum(values)
        return values, tape.gradient(total, setting)

    try:
        values, gradient = tf.function(compiled, autograph=False)(tf.constant(number))
    except Exception as error:  # whatever Python and TensorFlow make of a tensor
        first = str(error).partition("\n")[0]
        raise CheckFailure(
            f"{subject.loss.name} fails where {name} is a tensor: {type(error).__name__}: {first}",
            tried=f"{row_count(inputs)} examples, in a compiled function",
            cause="Python's own `if`, `math` or `float` on the setting; write it with TensorFlow, "
            "or do not declare it Learnable().",
            inputs=inputs,
        ) from error
    return np.asarray(values), None if gradient is None else float(gradient)


def _ends(subject: Subject) -> Iterator[tuple[str, Any]]:
    for name, rule in subject.loss.signature.rules.items():
        if name in subject.loss.settings:
            default = subject.settings.get(name, subject.loss.settings[name])
            yield from ((name, v) for v in rule.examples(default) if v != default)


def _at(subject: Subject, name: str, value: Any) -> int:
    """The checks of values and gradients with one setting changed."""
    other = subject.with_settings(**{name: value})
    try:
        widths = other.widths
    except NotApplicable:
        error = next(error for error in other.attempts.values() if error is not None)
        if isinstance(error, REFUSALS):
            raise _failure(subject, name, value, f"is refused: {error}") from error
        raise _failure(subject, name, value, f"fails: {error}") from error
    for examine in (finite_eager_values, finite_gradients, range_as_declared):
        try:
            examine(other)
        except NotApplicable:
            continue
        except CheckFailure as found:
            raise CheckFailure(
                f"With {name}={value!r}: {found.what}",
                tried=f"both ends of the declared range of '{name}'; {found.tried}",
                cause=_CAUSE,
                inputs=found.inputs,
            ) from found
    return sum(row_count(other.everything(width)) for width in widths)


def _failure(subject: Subject, name: str, value: Any, what: str) -> CheckFailure:
    shown = float(value) if isinstance(value, np.floating) else value
    return CheckFailure(
        f"{subject.loss.name}({name}={shown!r}) {what}",
        tried=f"both ends of the declared range of '{name}'",
        cause=_CAUSE,
    )
