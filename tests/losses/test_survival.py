"""Survival losses against scikit-survival, lifelines, scipy and the papers' sums in loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from tfloss import tf
from tfloss_losses.survival import cox, deephit, logistic_hazard, mtlr, pc_hazard, pmf

from .checks import of
from .oracles import assert_agrees, assert_passes_the_kit

# Twelve people with ties. What lifelines 0.30.3 and scikit-survival 0.28.0 fit to them:
#   CoxPHFitter().fit(…, fit_options={"precision": 1e-14}): params_, log_likelihood_ (Efron)
#   CoxPHSurvivalAnalysis(ties=…, tol=1e-14, n_iter=1000).fit(…).coef_
FIRST = [0.1, 0.6, -0.5, 1.3, -0.7, -0.6, -2.3, -1.2, -0.5, 0.4, -0.1, -0.7]
SECOND = [-0.1, 0.1, 0.4, 0.9, -1.3, 0.0, -0.2, -0.7, -0.3, 1.0, 1.4, 0.4]
X = np.stack([FIRST, SECOND], axis=1)
TIME = np.array([2.0, 4, 4, 2, 3, 5, 5, 5, 2, 4, 5, 4])
EVENT = np.array([1.0, 1, 1, 0, 1, 1, 1, 0, 0, 1, 1, 1])
FITTED = {
    "efron": [0.7990206005272554, -0.39767009342289966],
    "breslow": [0.6661209806959522, -0.44846286844426225],
}
EFRON_LIKELIHOOD = -14.207652290454229

RANDOM = np.random.default_rng(3)
LOGITS = RANDOM.normal(size=(12, 6))
BINS = {"time": TIME - 0.25, "event": EVENT, "logits": LOGITS}


@pytest.mark.parametrize("loss", [cox, logistic_hazard, pmf, mtlr, pc_hazard, deephit])
def test_the_kit(loss):
    assert_passes_the_kit(loss)


@pytest.mark.parametrize("ties", ["breslow", "efron"])
def test_cox_is_flat_where_scikit_survival_stopped(ties):
    beta = tf.Variable(np.array(FITTED[ties])[:, None])
    with tf.GradientTape() as tape:
        value = cox(tf.constant(TIME), tf.constant(EVENT), tf.constant(X) @ beta, ties=ties)
    np.testing.assert_allclose(tape.gradient(value, beta), 0, atol=1e-9)


def test_cox_is_lifelines_likelihood():
    data = {"time": TIME, "event": EVENT, "score": X @ np.array(FITTED["efron"])[:, None]}
    assert_agrees(cox, data, -EFRON_LIKELIHOOD / EVENT.sum(), ties="efron")


def test_cox_with_weights_is_breslows_sum():
    weight, score = RANDOM.uniform(0.5, 2, 12), RANDOM.normal(size=12)
    total = 0.0
    for i in np.flatnonzero(EVENT):
        at_risk = TIME[i] <= TIME
        total += weight[i] * (np.log(np.sum((weight * np.exp(score))[at_risk])) - score[i])
    data = {"time": TIME, "event": EVENT, "score": score[:, None], "sample_weight": weight}
    assert_agrees(cox, data, total / np.sum(weight * EVENT))


def test_cox_of_nobodys_event_is_zero_and_of_large_scores_finite():
    data = {"time": TIME, "event": 0 * EVENT, "score": X[:, :1]}
    assert of(cox, data) == 0
    assert np.isfinite(of(cox, data | {"event": EVENT, "score": 1e4 * X[:, :1]}, ties="efron"))


def test_logistic_hazard_is_a_question_for_each_interval():
    expected = []
    for t, e, z in zip(TIME, EVENT, LOGITS, strict=True):
        h, k = special.expit(z), int(t - 0.25)
        expected.append(-np.log(h[k] if e else 1 - h[k]) - np.sum(np.log(1 - h[:k])))
    assert_agrees(logistic_hazard, BINS, expected)


def _pmf(scores):
    expected = []
    for t, e, z in zip(TIME, EVENT, scores, strict=True):
        p, k = special.softmax([*z, 0.0]), int(t - 0.25)
        expected.append(-np.log(p[k] if e else np.sum(p[k + 1 :])))
    return expected


def test_pmf_is_a_distribution_over_intervals():
    assert_agrees(pmf, BINS, _pmf(LOGITS))


def test_mtlr_is_pmf_of_what_is_still_to_come():
    assert_agrees(mtlr, BINS, _pmf(np.cumsum(LOGITS[:, ::-1], axis=1)[:, ::-1]))


def test_pc_hazard_is_a_density_that_adds_up_to_one():
    hazard = np.log1p(np.exp(LOGITS))
    expected = []
    for t, e, h in zip(TIME - 0.25, EVENT, hazard, strict=True):
        k = int(t)
        expected.append((t - k) * h[k] + np.sum(h[:k]) - e * np.log(h[k]))
    assert_agrees(pc_hazard, BINS, expected)
    grid = np.linspace(0, 12, 120_001)[:-1] + 5e-5  # intervals of width 2
    many = {"time": grid, "event": 1 + 0 * grid, "logits": np.tile(LOGITS[:1], (len(grid), 1))}
    within = np.exp(-of(pc_hazard, many, width=2.0)).sum() * (grid[1] - grid[0]) / 2
    assert within == pytest.approx(1 - np.exp(-hazard[0].sum()), rel=1e-6)


def test_whoever_is_observed_longer_than_all_intervals_survives_them():
    late = {"time": np.array([99.0]), "event": np.array([1.0]), "logits": LOGITS[:1]}
    survived = np.sum(np.log1p(np.exp(LOGITS[0])))
    assert_agrees(logistic_hazard, late, [survived])
    assert_agrees(pc_hazard, late, [survived])
    assert_agrees(pmf, late, [-np.log(special.softmax([*LOGITS[0], 0.0])[-1])])


def test_deephit_is_likelihood_and_order():
    p = special.softmax(np.pad(LOGITS, ((0, 0), (0, 1))), axis=1)[:, :6]
    cumulative, k = np.cumsum(p, axis=1), (TIME - 0.25).astype(int)
    ranks = 0.0
    for i in np.flatnonzero(EVENT):
        for j in range(12):
            if k[i] < k[j] or (k[i] == k[j] and EVENT[j] == 0):
                ranks += np.exp(-(cumulative[i, k[i]] - cumulative[j, k[i]]) / 0.1)
    expected = 0.2 * np.mean(_pmf(LOGITS)) + 0.8 * ranks / 144
    assert_agrees(deephit, BINS, expected)


def test_settings_and_shapes_are_refused():
    with pytest.raises(ValueError, match="ties"):
        of(cox, {"time": TIME, "event": EVENT, "score": X[:, :1]}, ties="exact")
    with pytest.raises(ValueError, match="width"):
        of(pmf, BINS, width=0.0)
    with pytest.raises(ValueError, match="shape"):
        of(pmf, BINS | {"time": TIME[:, None], "event": EVENT[:, None]})
