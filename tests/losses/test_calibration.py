"""Calibration against loops over bins and pairs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from tfloss_losses.calibration import mmce, soft_ece

from .checks import (
    assert_derivative,
    assert_finite_and_equal_modes,
    assert_refuses_other_shapes,
    cases,
    moderate,
    of,
)

ALL = (mmce, soft_ece)
FAMILY = tuple(cases(*ALL))
SMOOTH = [one for one in FAMILY if "extreme" not in one.label]


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    assert_finite_and_equal_modes(FAMILY, chosen)


@pytest.mark.parametrize("chosen", SMOOTH, ids=str)
def test_derivative(chosen):
    assert_derivative(chosen)


@pytest.mark.parametrize("loss", ALL)
def test_other_shapes_are_refused(loss):
    assert_refuses_other_shapes(loss)


def answers(columns, rows):
    """Data without weights, and by hand: certainty, and whether the answer is right."""
    data = {name: moderate(columns, rows)[name] for name in ("labels", "logits")}
    if columns == 1:
        p = special.expit(data["logits"][:, 0])
        return data, np.maximum(p, 1 - p), ((p > 0.5) == data["labels"][:, 0]).astype(float)
    p = special.softmax(data["logits"], axis=1)
    right = p.argmax(axis=1) == data["labels"].argmax(axis=1)
    return data, p.max(axis=1), right.astype(float)


@pytest.mark.parametrize("columns", [1, 3])
def test_mmce_is_a_loop_over_pairs(columns):
    data, certainty, right = answers(columns, 12)
    terms = [
        (ci - ri) * (cj - rj) * np.exp(-abs(ri - rj) / 0.3)
        for ci, ri in zip(right, certainty, strict=True)
        for cj, rj in zip(right, certainty, strict=True)
    ]
    assert of(mmce, data, width=0.3) == pytest.approx(np.mean(terms))


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("power", [1, 2])
def test_cold_bins_give_the_usual_calibration_error(columns, power):
    data, certainty, right = answers(columns, 200)
    inside, expected = np.minimum((certainty * 10).astype(int), 9), 0.0
    for number in range(10):
        mine = inside == number
        if np.any(mine):
            gap = abs(np.mean(right[mine]) - np.mean(certainty[mine]))
            expected += np.mean(mine) * gap**power
    ours = of(soft_ece, data, bins=10, temperature=1e-7, power=float(power))
    assert ours == pytest.approx(expected, rel=1e-3)


def test_soft_bins_are_a_loop():
    data, certainty, right = answers(3, 12)
    expected = 0.0
    share = special.softmax(-((certainty[:, None] - (np.arange(5) + 0.5) / 5) ** 2) / 0.02, axis=1)
    for mine in share.T:
        gap = np.average(right, weights=mine) - np.average(certainty, weights=mine)
        expected += np.sum(mine) / 12 * gap**2
    assert of(soft_ece, data, bins=5, temperature=0.02) == pytest.approx(expected)


@pytest.mark.parametrize("loss", ALL)
def test_a_calibrated_student_costs_less_than_a_certain_one(loss):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2000, 1))
    labels = (rng.uniform(size=(2000, 1)) < special.expit(logits)).astype(float)
    assert of(loss, {"labels": labels, "logits": logits}) < 0.01
    assert of(loss, {"labels": labels, "logits": 10 * logits}) > 0.02


@pytest.mark.parametrize("loss", ALL)
def test_weights_count_as_repetitions(loss):
    data, _, _ = answers(3, 8)
    weight = np.array([1, 0, 2, 1, 3, 1, 0, 1])
    repeated = {name: np.repeat(value, weight, axis=0) for name, value in data.items()}
    data["logits"][1] = np.nan
    ours = of(loss, data | {"sample_weight": weight.astype(float)})
    assert ours == pytest.approx(of(loss, repeated))
    assert of(loss, data | {"sample_weight": np.zeros(8)}) == 0


@pytest.mark.parametrize(
    ("loss", "settings"),
    [
        (mmce, {"width": 0.0}),
        (soft_ece, {"bins": 0}),
        (soft_ece, {"temperature": 0.0}),
        (soft_ece, {"power": 0.5}),
    ],
)
def test_settings_outside_their_bounds_are_refused(loss, settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        of(loss, moderate(3), **settings)
