"""Depth up to scale and shift, by numpy's median."""

from __future__ import annotations

import numpy as np

from tfloss_losses.depth import affine_invariant_depth

from .oracles import assert_agrees, assert_passes_the_kit

RANDOM = np.random.default_rng(0)


def test_the_kit():
    assert_passes_the_kit(affine_invariant_depth)


def test_both_maps_are_brought_to_one_scale():
    d, e = RANDOM.uniform(size=(2, 3, 4, 5, 1))

    def aligned(depth):
        apart = depth - np.median(depth)
        return apart / np.abs(apart).mean()

    expected = [np.abs(aligned(a) - aligned(b)).mean() for a, b in zip(d, e, strict=True)]
    assert_agrees(affine_invariant_depth, {"labels": d, "prediction": e}, expected)
    assert_agrees(affine_invariant_depth, {"labels": d, "prediction": 3 * d + 7}, np.zeros(3))
