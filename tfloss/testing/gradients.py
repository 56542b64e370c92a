"""Gradients: finite everywhere, and those of the value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tfloss.lazy import tf
from tfloss.testing.checks import check
from tfloss.testing.inputs import Inputs, map_arrays, row_count, take
from tfloss.testing.results import CheckFailure, NotApplicable
from tfloss.testing.shrink import smallest
from tfloss.testing.subject import Subject, as_tensors

_MOST_ENTRIES = 64  # of one tensor: of an image's pixels a fixed choice

# (step, relative, absolute): central differences in float64, and where only float32 is to be had.
_EXACT = {"float64": (1e-6, 1e-4, 1e-6), "float32": (1e-2, 5e-2, 5e-3)}


@check("finite gradients")
def finite_gradients(subject: Subject) -> int:
    """Gradients with respect to every tensor but labels are finite wherever the value must be."""
    names = _followed(subject)
    tried = 0
    for width in subject.widths:
        inputs = subject.everything(width)
        tried += row_count(inputs)
        gradients = subject.eager(width)[1]
        bad = [name for name in names if not _finite(gradients[name])]
        if bad:
            _report(subject, inputs, bad[0])
    return tried


def _followed(subject: Subject) -> list[str]:
    """Tensors through which a gradient may be wanted: teachers too, as two students can teach each
    other; labels and sample weights are data.
    """
    fixed = ("classes", "yes_no", "sample_weight")
    return [
        p.name for p in subject.parameters if not p.domain.integer and p.domain.name not in fixed
    ]


def _finite(gradient: Any) -> bool:
    arrays = gradient if isinstance(gradient, list) else [gradient]
    return all(np.all(np.isfinite(array)) for array in arrays)


def _report(subject: Subject, inputs: Inputs, name: str) -> None:
    def infinite(given: Inputs) -> bool:
        return not _finite(subject.with_gradients(as_tensors(given))[1][name])

    found = smallest(inputs, infinite)
    gradient = subject.with_gradients(as_tensors(found))[1][name]
    raise CheckFailure(
        f"The gradient of {subject.loss.name} with respect to '{name}' is {np.asarray(gradient)}.",
        tried=f"{row_count(inputs)} examples with exact 0 and 1, ±1e4 and subnormal numbers",
        cause="0·log 0, sqrt or a norm at 0, a power below 1, or tf.where around a branch that is "
        "not finite: its gradient is 0·inf. Floor the argument inside the branch as well.",
        inputs=found,
    )


@check("gradient equals finite differences")
def gradient_is_the_slope(subject: Subject) -> int:
    """The gradient is the slope of the value, for every tensor that training changes."""
    names = [p.name for p in subject.differentiable]
    if not names:
        raise NotApplicable("it has no tensor that training changes")
    tried = 0
    for width in sorted({subject.widths[0], subject.width}):
        inputs = subject.moderate(width, rows=4, seed=2)
        _, gradients = subject.with_gradients(as_tensors(inputs, subject.exact_dtype))
        for name in names:
            slopes = _slopes(subject, inputs, name)
            tried += sum(int(np.sum(~np.isnan(slope))) for slope in slopes)
            _compare(subject, inputs, name, gradients[name], slopes)
    return tried


def _slopes(subject: Subject, inputs: Inputs, name: str) -> list[np.ndarray]:
    """Central differences of the summed value, one element at a time; NaN where none was taken."""
    step = _EXACT[subject.exact_dtype][0]
    moved, total = map_arrays(np.copy, inputs), _summed(subject, inputs)
    arrays = moved[name] if isinstance(moved[name], list) else [moved[name]]
    slopes = [np.full(array.shape, np.nan) for array in arrays]
    for array, slope in zip(arrays, slopes, strict=True):
        for index in _entries(array.shape):
            middle, sides = array[index], []
            for sign in (1, -1):
                array[index] = middle + sign * step
                sides.append(total(moved))
            array[index] = middle
            slope[index] = (sides[0] - sides[1]) / (2 * step)
    return slopes


def _summed(subject: Subject, inputs: Inputs) -> Callable[[Inputs], float]:
    """The loss's sum on inputs of this shape, compiled where it can be: it is called often."""
    program = tf.function(subject.call, autograph=False)

    def compiled(given: Inputs) -> float:
        return float(np.sum(program(as_tensors(given, subject.exact_dtype)), dtype=float))

    try:
        compiled(inputs)
    except Exception:  # Python that looks at values; another check says so
        return lambda given: float(np.sum(subject.values(given, subject.exact_dtype), dtype=float))
    return compiled


def _entries(shape: tuple[int, ...]) -> list[Any]:
    """Indices of all elements of an array, or of a fixed choice where they are too many."""
    every = list(np.ndindex(*shape))
    if len(every) <= _MOST_ENTRIES:
        return every
    chosen = np.random.default_rng(0).choice(len(every), _MOST_ENTRIES, replace=False)
    return [every[number] for number in sorted(chosen)]


def _compare(
    subject: Subject, inputs: Inputs, name: str, gradient: Any, slopes: list[np.ndarray]
) -> None:
    step, relative, absolute = _EXACT[subject.exact_dtype]
    gradients = gradient if isinstance(gradient, list) else [gradient]
    for found, slope in zip(map(np.asarray, gradients), slopes, strict=True):
        scale = max(1.0, np.max(np.abs(slope[~np.isnan(slope)]), initial=0.0))
        wrong = np.abs(found - slope) > relative * np.abs(slope) + absolute * scale
        if np.any(wrong):
            where = tuple(int(i) for i in np.argwhere(wrong)[0])
            cause = (
                "no gradient reaches it: numpy, argmax, round, a comparison or stop_gradient on "
                "the way."
                if not np.any(found)
                else "a custom gradient that is wrong, stop_gradient on a part, or a fused "
                "operation whose gradient assumes labels that add up to one. What is meant to be "
                "so is declared: exempt={'gradient equals finite differences': 'the reason'}."
            )
            raise CheckFailure(
                f"The gradient of {subject.loss.name} with respect to '{name}'{list(where)} is "
                f"{found[where]:.6g}, but its slope is {slope[where]:.6g}.",
                tried=f"central differences of step {step:g} in {subject.exact_dtype}, "
                f"{row_count(inputs)} examples",
                cause=cause,
                inputs=take(inputs, [where[0]]) if name != "weights" else inputs,
            )
