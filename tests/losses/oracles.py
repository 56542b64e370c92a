"""A loss's value against somebody else's, and the quick checks of the kit.

With TFLOSS_ERRORS=FILE each comparison writes its relative error there, so that the worst can be
told: `TFLOSS_ERRORS=errors.txt pytest tests/losses; sort -gk2 errors.txt | tail`.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from tfloss.registry import Loss
from tfloss.testing import check_loss

from .checks import of

# Those that compile nothing; `tfloss check` runs the others too.
QUICK = (
    "can be called",
    "one value per example",
    "batch of one",
    "float32 out",
    "refuses shapes that do not match",
    "a subset gives the subset",
    "finite values",
    "NaN is not swallowed",
    "examples without weight do not count",
    "finite gradients",
    "gradient equals finite differences",
    "range as declared",
    "zero at the optimum",
    "elements as declared",
    "symmetry as declared",
    "what it holds is trained",
    "documented",
)


def assert_passes_the_kit(loss: Loss, *, without: str = "", **settings: Any) -> None:
    """The checks that need no compiler: shapes, limits, gradients, missing examples, docstring."""
    checks = [check for check in QUICK if check != without]
    results = check_loss(loss, checks=checks, settings=settings)
    assert [result.message for result in results if result.status == "failed"] == []


def assert_agrees(
    loss: Loss, tensors: dict[str, Any], expected: Any, *, rtol: float = 1e-9, **settings: Any
) -> None:
    """The loss in float64 is what another computes."""
    found, expected = of(loss, tensors, **settings), np.asarray(expected, float)
    assert found.shape == expected.shape
    if path := os.environ.get("TFLOSS_ERRORS"):
        scale = max(np.max(np.abs(expected)), 1e-30)
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{loss.name} {np.max(np.abs(found - expected)) / scale:.3g}\n")
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * 1e-3)
