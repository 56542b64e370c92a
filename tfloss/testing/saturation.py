"""A gradient that stops: clipping keeps a value finite and takes away what would correct it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tfloss.testing.checks import check
from tfloss.testing.inputs import Inputs, row_count, take
from tfloss.testing.results import CheckFailure, NotApplicable
from tfloss.testing.subject import Subject, as_tensors

_SIZES = np.geomspace(0.1, 1e4, 41)
_NOTHING = 1e-2  # of a ray's largest gradient: one that fades has long been smaller when it is zero
_ROUNDING = 1e-5  # of two slopes that cancel
_MOST_RAYS = 8


@check("gradient is not clipped away")
def gradient_is_not_clipped_away(subject: Subject) -> int:
    """Far out a gradient stays or fades; it does not break off while the value could be lower."""
    if not subject.per_example:
        raise NotApplicable('it declares per="batch"')
    names = [p.name for p in subject.differentiable if p.domain.name in ("logits", "numbers")]
    if not names:
        raise NotApplicable("it has no logits or numbers that training changes")
    tried = 0
    for name in names:
        for width in sorted({subject.widths[0], subject.width}):
            tried += _along_rays(subject, name, subject.moderate(width))
    return tried


def _along_rays(subject: Subject, name: str, inputs: Inputs) -> int:
    rows, size = row_count(inputs), inputs[name].shape[-1]
    pattern = 1.0 - 2.0 * (np.arange(size) % 2)  # no column stays where it is
    for direction in (pattern, -pattern):
        ray = _Ray(subject, name, inputs, direction)
        for row, inside, outside in ray.ends():
            edge = ray.edge(row, inside, outside)
            if edge is not None:
                _report(subject, name, take(inputs, [row]), direction, edge)
    return 2 * rows * len(_SIZES)


class _Ray:
    """One tensor of some examples, moved along a direction."""

    def __init__(self, subject: Subject, name: str, inputs: Inputs, direction: Any) -> None:
        self.subject, self.name, self.inputs, self.direction = subject, name, inputs, direction
        self.rows = row_count(inputs)
        at = np.repeat(_SIZES, self.rows)
        many = take(inputs, np.tile(np.arange(self.rows), len(_SIZES)))
        values, slopes = self._at(many, at)
        self.values = values.reshape(len(_SIZES), self.rows)
        self.slopes = slopes.reshape(len(_SIZES), self.rows)

    def _at(self, inputs: Inputs, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values, and the largest entry of each example's gradient."""
        tensor = inputs[self.name]
        step = sizes.reshape(-1, *[1] * (tensor.ndim - 1)) * self.direction
        moved = {**inputs, self.name: tensor + step}
        values, gradients = self.subject.with_gradients(as_tensors(moved))
        slopes = np.abs(np.asarray(gradients[self.name])).reshape(len(sizes), -1)
        return np.asarray(values), slopes.max(axis=1)

    def ends(self) -> Iterator[tuple[int, float, float]]:
        """Rows whose gradient breaks off, and between which sizes: its last and its first zero."""
        low = self.subject.loss.range[0]
        found = 0
        for row in range(self.rows):
            slopes, values = self.slopes[:, row], self.values[:, row]
            there = np.flatnonzero(slopes)
            if not there.size or there[-1] == len(_SIZES) - 1 or found == _MOST_RAYS:
                continue
            lowest = values.min() if low is None else min(low, values.min())
            scale = max(1.0, np.abs(values).max())
            broken = slopes[there[-1]] > max(_NOTHING * slopes.max(), _ROUNDING)
            if broken and values[-1] - lowest > 1e-4 * scale:
                found += 1
                yield row, _SIZES[there[-1]], _SIZES[there[-1] + 1]

    def edge(self, row: int, inside: float, outside: float) -> float | None:
        """Where the gradient breaks off; None where it fades to nothing before."""
        one = take(self.inputs, [row])
        for _ in range(24):
            middle = (inside + outside) / 2
            if self._at(one, np.array([middle]))[1][0] > 0:
                inside = middle
            else:
                outside = middle
        last = self._at(one, np.array([inside]))[1][0]
        return inside if last > _NOTHING * self.slopes[:, row].max() else None


def _report(
    subject: Subject, name: str, inputs: Inputs, direction: np.ndarray, edge: float
) -> None:
    beyond = {**inputs, name: inputs[name] + 1e4 * direction}
    raise CheckFailure(
        f"The gradient of {subject.loss.name} with respect to '{name}' breaks off at "
        f"{edge:.4g} and is 0 beyond, where the value is {subject.values(beyond)} and could be "
        f"lower.",
        tried=f"sizes from 0.1 to 1e4 along {np.array2string(direction, precision=2)}",
        cause="tf.clip_by_value, tf.maximum or tf.minimum around what has a gradient: an example "
        "that is furthest off is never corrected. Compute from logits (log_softmax, log_sigmoid); "
        "a loss that is meant to give up on outliers says so with exempt=.",
        inputs=inputs,
    )
