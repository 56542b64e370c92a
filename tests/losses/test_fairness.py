"""Gaps between groups against means by hand, and scikit-learn's rates of certain answers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special
from sklearn.metrics import recall_score

from tfloss import tf
from tfloss_losses.fairness import demographic_parity, equalised_odds, min_diff

from .checks import assert_derivative, assert_finite_and_equal_modes, case, extreme, moderate, of

ALL = (demographic_parity, equalised_odds)


def people(columns, data=moderate, **more):
    found = data(columns, **more)
    return found | {"group": (np.arange(len(found["logits"])) % 3 == 0).astype(float)}


FAMILY = tuple(
    case(loss, f"{label}-{columns}", people(columns, data))
    for loss in ALL
    for columns in (1, 3)
    for label, data in (("moderate", lambda count: moderate(count, 12)), ("extreme", extreme))
)
SMOOTH = [one for one in FAMILY if "extreme" not in one.label]


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    assert_finite_and_equal_modes(FAMILY, chosen)


@pytest.mark.parametrize("chosen", SMOOTH, ids=str)
def test_derivative(chosen):
    assert_derivative(chosen, fixed=("labels", "group"))


def test_demographic_parity_is_the_gap_of_the_means():
    data = people(1, rows=12)
    p, first = special.expit(data["logits"][:, 0]), data["group"] == 0
    weight = data["sample_weight"]
    means = [np.average(p[who], weights=weight[who]) for who in (first, ~first)]
    assert of(demographic_parity, data) == pytest.approx(abs(means[0] - means[1]))


def test_of_many_groups_the_extremes_count():
    data = {name: moderate(3, 12)[name] for name in ("logits",)}
    which = np.arange(12) % 4
    p = special.softmax(data["logits"], axis=1)
    means = np.stack([p[which == number].mean(axis=0) for number in range(4)])
    ours = of(demographic_parity, data | {"group": np.eye(5)[which]})  # the fifth is empty
    assert ours == pytest.approx(np.mean(np.ptp(means, axis=0)))


def test_equalised_odds_of_certain_answers_are_scikit_learns_rates():
    data = people(1, rows=60)
    truth, said = data["labels"][:, 0], data["logits"][:, 0] > 0
    gaps = []
    for positive in (0, 1):
        rates = [
            recall_score(truth[data["group"] == g], said[data["group"] == g], pos_label=positive)
            for g in (0, 1)
        ]
        gaps.append(abs(rates[0] - rates[1]))
    certain = {"labels": data["labels"], "logits": np.where(said, 1e3, -1e3)[:, None]}
    ours = of(equalised_odds, certain | {"group": data["group"]})
    assert ours == pytest.approx(np.mean(gaps))


def test_equalised_odds_of_several_classes_are_a_loop():
    data = {name: people(3, rows=24)[name] for name in ("labels", "logits")}
    data["group"] = (np.arange(24) % 2).astype(float)
    p, truth, gaps = special.softmax(data["logits"], axis=1), data["labels"].argmax(axis=1), []
    for label in range(3):
        means = [p[(truth == label) & (data["group"] == g)].mean(axis=0) for g in (0, 1)]
        gaps.append(np.abs(means[0] - means[1]))
    assert of(equalised_odds, data) == pytest.approx(np.mean(gaps))


@pytest.mark.parametrize("loss", ALL)
def test_a_group_may_be_a_column(loss):
    data = people(3, rows=12)
    assert of(loss, data | {"group": data["group"][:, None]}) == of(loss, data)


@pytest.mark.parametrize("loss", ALL)
def test_without_a_second_group_there_is_no_gap(loss):
    data = people(3, rows=12)
    assert of(loss, data | {"group": np.ones(12)}) == 0
    assert of(loss, data | {"sample_weight": np.zeros(12)}) == 0


@pytest.mark.parametrize("loss", ALL)
def test_a_weight_of_zero_is_as_if_the_example_were_not_there(loss):
    data = {name: people(3, rows=12)[name] for name in ("labels", "logits", "group")}
    weight = np.ones(12)
    weight[[2, 5]] = 0
    less = {name: value[weight == 1] for name, value in data.items()}
    data["logits"][2] = np.nan
    assert of(loss, data | {"sample_weight": weight}) == pytest.approx(of(loss, less))


@pytest.mark.parametrize("loss", ALL)
def test_another_number_of_examples_is_refused(loss):
    with pytest.raises(ValueError, match="shape"):
        of(loss, people(3) | {"group": np.ones(3)})


def test_min_diff_is_the_largest_discrepancy_between_two_groups():
    rng = np.random.default_rng(3)
    z, codes = rng.normal(size=(9, 1)), np.repeat([1.0, 2, 5], 3)
    p = special.expit(np.concatenate([-z, z], axis=1))

    def kernel(a, b):
        return np.exp(-((a[:, None] - b[None]) ** 2).sum(axis=-1) / (2 * 0.2**2)).mean()

    sets = [p[codes == code] for code in (1, 2, 5)]
    gaps = [kernel(a, a) + kernel(b, b) - 2 * kernel(a, b) for a in sets for b in sets]
    found = min_diff(tf.constant(z), tf.constant(codes), bandwidth=0.2)
    assert float(found) == pytest.approx(max(gaps), rel=1e-6)
