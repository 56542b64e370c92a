"""When two values count as equal."""

from __future__ import annotations

from typing import Any

import numpy as np


def all_close(found: Any, expected: Any, *, relative: float = 2e-5, absolute: float = 2e-6) -> bool:
    """Whether arrays are equal but for rounding in float32, whose seven digits are those of the
    largest value: small ones come from differences of large ones. NaN equals NaN.
    """
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    if found.shape != expected.shape:
        return False
    finite = np.abs(expected[np.isfinite(expected)])
    scale = max(1.0, finite.max()) if finite.size else 1.0
    return bool(np.allclose(found, expected, rtol=relative, atol=absolute * scale, equal_nan=True))


def worst(found: Any, expected: Any) -> int:
    """The row in which two (n,) arrays differ most."""
    difference = np.abs(np.asarray(found, np.float64) - np.asarray(expected, np.float64))
    return int(np.argmax(np.nan_to_num(difference, nan=np.inf)))
