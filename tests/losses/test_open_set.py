"""Open-set losses by the paper's cases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from tfloss_losses import open_set
from tfloss_losses.open_set import entropic_open_set, objectosphere

from .oracles import assert_agrees, assert_passes_the_kit

RANDOM = np.random.default_rng(0)
KNOWN = np.array([1.0, 0, 1, 0])


@pytest.mark.parametrize("loss", open_set.tfloss_losses(), ids=lambda loss: loss.name)
def test_the_kit(loss):
    assert_passes_the_kit(loss)


def test_of_no_class_the_even_answer_is_right():
    z, y = RANDOM.normal(size=(4, 3)), np.array([0, 1, 2, 0])
    log_p = special.log_softmax(z, axis=1)
    expected = [
        -row[c] if known else -row.mean() for row, c, known in zip(log_p, y, KNOWN, strict=True)
    ]
    data = {"labels": np.eye(3)[y], "logits": z, "known": KNOWN}
    assert_agrees(entropic_open_set, data, expected)


def test_known_are_long_and_others_nothing():
    rows = RANDOM.normal(size=(4, 5))
    length = np.linalg.norm(rows, axis=1)
    expected = np.where(KNOWN == 1, np.maximum(2 - length, 0) ** 2, length**2)
    assert_agrees(objectosphere, {"embedding": rows, "known": KNOWN}, expected, radius=2.0)
