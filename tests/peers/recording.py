"""How far apart a loss and what a test holds it against were, noted while the tests run.

A comparison counts where what is compared is exactly what a loss returned, an element, the mean or
the sum of it, or a gradient that was taken of it; and where the other side is not ours as well.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import tensorflow as tf

from tests.peers.sources import DIFFERENCES, sources_of
from tfloss.registry import Loss
from tfloss.testing import gradients as kit

ROOT = Path(__file__).parents[2]
_LAXEST = 2e-2  # a wider tolerance is about a limit or a tendency, not about a value

Kind = Literal["value", "gradient"]


@dataclass
class Seen:
    """What one test has computed so far."""

    values: list[tuple[str, Any]] = field(default_factory=list)
    gradients: list[tuple[str, Any]] = field(default_factory=list)
    compared: list[tuple[str, Kind, bool, float]] = field(default_factory=list)

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.values}


@dataclass(frozen=True)
class Compared:
    """The largest error of one loss in one test."""

    loss: str
    test: str
    against: tuple[str, ...]
    kind: Kind
    error: float


class Recorder:
    """A plugin of pytest that notes the errors of every test that passes."""

    def __init__(self) -> None:
        self.found: list[Compared] = []
        self._seen = Seen()
        self._inside = False
        self._peer = False

    def pytest_sessionstart(self) -> None:
        """Listen to losses, tapes, comparisons and the kit."""
        _wrap(Loss, "__call__", self._called)
        _wrap(tf.GradientTape, "gradient", self._derived)
        _wrap(np.testing, "assert_allclose", self._close)
        _wrap(kit, "_compare", self._slopes)
        for expected in (1.0, [1.0], np.ones(1)):
            _wrap(type(pytest.approx(expected)), "__eq__", self._approximate)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """A test of its own; what a failing one compared is not counted."""
        self._seen, self._peer = Seen(), item.path.parent.name == "peers"
        result = yield
        path = item.path.relative_to(ROOT).as_posix()
        function = item.function  # type: ignore[attr-defined]
        params = item.callspec.params if hasattr(item, "callspec") else {}
        library = (params["library"],) if "library" in params else ()
        for name, kind, by_differences, error in self._seen.compared:
            against = (DIFFERENCES,) if by_differences else library or sources_of(function)
            test = f"{path}::{function.__name__}"
            self.found.append(Compared(name, test, against, kind, error))
        return result

    # -- what is listened to ---------------------------------------------------------------------

    def _called(self, original: Callable[..., Any], loss: Loss, *args: Any, **kwargs: Any) -> Any:
        result = original(loss, *args, **kwargs)
        self._seen.values.append((loss.name, result))
        return result

    def _derived(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if self._seen.values:
            name = self._seen.values[-1][0]
            self._seen.gradients += [(name, g) for g in tf.nest.flatten(result) if g is not None]
        return result

    def _close(
        self, original: Callable[..., Any], found: Any, expected: Any, rtol: float = 1e-7,
        atol: float = 0, *args: Any, **kwargs: Any,
    ) -> None:  # fmt: skip
        original(found, expected, rtol, atol, *args, **kwargs)
        caller = sys._getframe(2).f_code.co_name
        self._note(found, expected, rtol, atol, caller == "assert_derivative")

    def _approximate(self, original: Callable[..., Any], one: Any, found: Any) -> bool:
        inside, self._inside = self._inside, True
        try:
            result = bool(original(one, found))
        finally:
            self._inside = inside
        if result and not inside:
            relative = 1e-6 if one.rel is None else one.rel
            self._note(found, one.expected, relative, one.abs or 0.0)
        return result

    def _slopes(self, original: Callable[..., Any], *args: Any) -> None:
        original(*args)
        subject, _, _, gradient, slopes = args
        gradients = gradient if isinstance(gradient, list) else [gradient]
        if subject.exact_dtype == "float64":
            for one, slope in zip(gradients, slopes, strict=True):
                known = ~np.isnan(slope)
                error = _error(np.asarray(one)[known], slope[known])
                if error is not None:
                    self._seen.compared.append((subject.loss.name, "gradient", True, error))

    # -- whose it is -----------------------------------------------------------------------------

    def _note(
        self, found: Any, expected: Any, relative: float, absolute: float, differences: bool = False
    ) -> None:
        found, expected = _array(found), _array(expected)
        if found is None or expected is None or self._is_ours(found, expected):
            return
        error = _error(found, expected)
        scale = np.max(np.abs(expected), initial=0)
        if error is None or max(relative, absolute / scale) > _LAXEST:
            return
        whose = self._whose(found)
        if whose:
            self._seen.compared.append((*whose, differences, error))

    def _whose(self, found: np.ndarray) -> tuple[str, Kind] | None:
        for name, gradient in reversed(self._seen.gradients):
            if _is_of(found, _array(gradient), sums=False):
                return name, "gradient"
        for name, value in reversed(self._seen.values):
            if _is_of(found, _array(value), sums=True):
                return name, "value"
        if self._peer and len(self._seen.names) == 1 and found.ndim == 0:
            return self._seen.values[0][0], "value"  # a formula of this loss
        return None

    def _is_ours(self, found: np.ndarray, expected: np.ndarray) -> bool:
        """Whether what is expected was itself computed by a loss; an oracle may hit it exactly."""
        ours = (array for _, result in self._seen.values if (array := _array(result)) is not None)
        equal = sum(a.shape == expected.shape and np.array_equal(a, expected) for a in ours)
        return equal > bool(found.shape == expected.shape and np.array_equal(found, expected))


def _wrap(where: Any, name: str, around: Callable[..., Any]) -> None:
    original = getattr(where, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return around(original, *args, **kwargs)

    setattr(where, name, wrapped)


def _array(value: Any) -> np.ndarray | None:
    """A number or numbers that are there; None for a tensor of a graph, text, or nothing."""
    if isinstance(value, tf.Tensor) and not hasattr(value, "numpy"):
        return None
    try:
        array = np.asarray(value)
        return array.astype(np.float64) if array.dtype.kind in "fiub" and array.size else None
    except Exception:
        return None


def _is_of(found: np.ndarray, result: np.ndarray | None, *, sums: bool) -> bool:
    if result is None:
        return False
    if found.shape == result.shape:
        return np.array_equal(found, result)
    if found.ndim == 0:
        whole = [np.mean(result), np.sum(result)] if sums else []
        return bool(np.any(result == found)) or bool(np.any(np.isclose(whole, found, rtol=1e-6)))
    return found.size < result.size and found.size > 1 and bool(np.all(np.isin(found, result)))


def _error(found: np.ndarray, expected: np.ndarray) -> float | None:
    """The largest difference, relative to the largest number expected; None where that is 0."""
    try:
        found, expected = np.broadcast_arrays(found, expected)
    except ValueError:
        return None
    known = np.isfinite(expected) & np.isfinite(found)
    scale = np.max(np.abs(expected[known]), initial=0.0)
    if scale == 0:
        return None
    return float(np.max(np.abs(found[known] - expected[known])) / scale)
