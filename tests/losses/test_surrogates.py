"""Surrogates against the scores that they stand for, on certain answers and on all subsets."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import special
from sklearn.metrics import jaccard_score

from tfloss_losses.surrogates import auc_margin, lovasz_hinge, lovasz_softmax

from .checks import (
    assert_derivative,
    assert_finite_and_equal_modes,
    assert_refuses_other_shapes,
    cases,
    moderate,
    of,
)

ALL = (lovasz_hinge, lovasz_softmax, auc_margin)
FAMILY = (
    *cases(lovasz_hinge, columns=(1,)),
    *cases(lovasz_softmax, columns=(3,)),
    *cases(auc_margin),
)
SMOOTH = [one for one in FAMILY if "extreme" not in one.label]


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    assert_finite_and_equal_modes(FAMILY, chosen)


@pytest.mark.parametrize("chosen", SMOOTH, ids=str)
def test_derivative(chosen):
    assert_derivative(chosen, fixed=("labels",))


@pytest.mark.parametrize("loss", ALL)
def test_other_shapes_are_refused(loss):
    assert_refuses_other_shapes(loss)


def pairs(columns, rows=8):
    return {name: moderate(columns, rows)[name] for name in ("labels", "logits")}


def lovasz_by_definition(errors, truth):
    """Sum over places in falling order of error × (Jaccard loss with it wrong - without)."""

    def jaccard_loss(wrong):
        said = [t != (place in wrong) for place, t in enumerate(truth)]
        return 1 - jaccard_score(truth, said, zero_division=1.0)

    order, total = np.argsort(-errors), 0.0
    for count in range(1, len(order) + 1):
        step = jaccard_loss(set(order[:count])) - jaccard_loss(set(order[: count - 1]))
        total += errors[order[count - 1]] * step
    return total


def test_lovasz_hinge_is_the_extension_of_scikit_learns_index():
    data = pairs(1)
    truth = data["labels"][:, 0] > 0.5
    errors = np.maximum(0, 1 - np.where(truth, 1, -1) * data["logits"][:, 0])
    assert of(lovasz_hinge, data) == pytest.approx(lovasz_by_definition(errors, truth))


def test_lovasz_softmax_is_the_mean_of_the_classes_that_are_there():
    data = pairs(4)
    data["labels"] = np.eye(4)[np.arange(8) % 3]  # the fourth class is in no example
    p, costs = special.softmax(data["logits"], axis=1), []
    for label in range(3):
        truth = data["labels"][:, label] > 0.5
        costs.append(lovasz_by_definition(np.abs(truth - p[:, label]), truth))
    assert of(lovasz_softmax, data) == pytest.approx(np.mean(costs))


def test_on_certain_answers_they_are_one_minus_the_index():
    truth = np.array([1, 1, 0, 0, 1, 0])
    for said in itertools.product([0, 1], repeat=6):
        labels, logits = np.eye(2)[truth], 1e3 * np.eye(2)[list(said)]
        index = jaccard_score(truth, said, average="macro", zero_division=0.0)
        ours = of(lovasz_softmax, {"labels": labels, "logits": logits})
        assert ours == pytest.approx(1 - index, abs=1e-9)


@pytest.mark.parametrize(("loss", "columns"), [(lovasz_hinge, 1), (lovasz_softmax, 3)])
def test_images_count_every_pixel(loss, columns):
    flat = pairs(columns, 12)
    images = {name: array.reshape(3, 2, 2, columns) for name, array in flat.items()}
    assert of(loss, images) == pytest.approx(of(loss, flat))
    weighted = images | {"sample_weight": np.array([1.0, 0.0, 0.0])}
    first = {name: array[:1] for name, array in images.items()}
    assert of(loss, weighted) == pytest.approx(of(loss, first))


@pytest.mark.parametrize(
    ("loss", "columns"), [(lovasz_hinge, 1), (lovasz_softmax, 3), (auc_margin, 1), (auc_margin, 3)]
)
def test_weights_count_as_repetitions(loss, columns):
    data, weight = pairs(columns), np.array([1, 0, 2, 1, 3, 1, 0, 1])
    repeated = {name: np.repeat(value, weight, axis=0) for name, value in data.items()}
    data["logits"][1] = np.nan
    ours = of(loss, data | {"sample_weight": weight.astype(float)})
    assert ours == pytest.approx(of(loss, repeated))
    assert of(loss, data | {"sample_weight": np.zeros(8)}) == 0


def saddle(scores, truth, margin):
    """The paper's min-max over a, b and the multiplier, on a grid that is refined."""
    high, low = scores[truth], scores[~truth]

    def value(a, b, multiplier):
        squares = np.mean((high - a) ** 2) + np.mean((low - b) ** 2)
        gap = margin - np.mean(high) + np.mean(low)
        return squares + 2 * multiplier * gap - multiplier**2

    best_a = min(np.linspace(0, 1, 2001), key=lambda a: value(a, 0, 0))
    best_b = min(np.linspace(0, 1, 2001), key=lambda b: value(0, b, 0))
    return max(value(best_a, best_b, multiplier) for multiplier in np.linspace(0, 2, 4001))


@pytest.mark.parametrize("margin", [1.0, 0.05])
def test_auc_margin_is_the_saddle_point_of_the_paper(margin):
    data = pairs(1, 20)
    data["logits"] += data["labels"]
    scores, truth = special.expit(data["logits"][:, 0]), data["labels"][:, 0] > 0.5
    ours = of(auc_margin, data, margin=margin)
    assert ours == pytest.approx(saddle(scores, truth, margin), abs=1e-5)


def test_columns_each_have_their_area():
    data = pairs(3, 12)
    each = [
        of(auc_margin, {name: array[:, c : c + 1] for name, array in data.items()})
        for c in range(3)
    ]
    assert of(auc_margin, data) == pytest.approx(np.mean(each))


def test_the_other_number_of_columns_is_refused():
    with pytest.raises(ValueError, match="use lovasz_softmax"):
        of(lovasz_hinge, pairs(3))
    with pytest.raises(ValueError, match="use lovasz_hinge"):
        of(lovasz_softmax, pairs(1))


def test_a_margin_of_zero_is_refused():
    with pytest.raises(ValueError, match="margin"):
        of(auc_margin, pairs(1), margin=0.0)
