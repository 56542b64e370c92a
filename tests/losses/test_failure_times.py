"""Accelerated failure times against scipy's distributions and lifelines' fitted likelihoods."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tfloss_losses.failure_times import log_logistic_aft, log_normal_aft, weibull_aft

from .checks import of
from .oracles import assert_agrees, assert_passes_the_kit
from .test_survival import EVENT, TIME

RANDOM = np.random.default_rng(0)
MU, LOG_SIGMA = RANDOM.normal(size=12), RANDOM.normal(size=12) / 2
SIGMA = np.exp(LOG_SIGMA)
SCIPY = {
    weibull_aft: stats.weibull_min(1 / SIGMA, scale=np.exp(MU)),
    log_normal_aft: stats.lognorm(SIGMA, scale=np.exp(MU)),
    log_logistic_aft: stats.fisk(1 / SIGMA, scale=np.exp(MU)),
}
# lifelines 0.30.3, each fitter on TIME and EVENT alone: params_ and log_likelihood_.
LIFELINES = {
    weibull_aft: (1.5091109754612015, -1.6410748519687723, -13.707009486239627),
    log_normal_aft: (1.396296829454165, -1.215150845667641, -15.048972790356594),
    log_logistic_aft: (1.430329668269204, -1.8541852517349948, -14.702471655053102),
}


@pytest.mark.parametrize("loss", SCIPY)
def test_the_kit(loss):
    assert_passes_the_kit(loss)


@pytest.mark.parametrize("loss", SCIPY)
def test_density_and_survival_are_scipys(loss):
    expected = np.where(EVENT == 1, -SCIPY[loss].logpdf(TIME), -SCIPY[loss].logsf(TIME))
    data = {"time": TIME, "event": EVENT, "prediction": np.stack([MU, LOG_SIGMA], axis=1)}
    assert_agrees(loss, data, expected)


@pytest.mark.parametrize("loss", LIFELINES)
def test_the_likelihood_is_that_of_lifelines(loss):
    location, log_scale, likelihood = LIFELINES[loss]
    prediction = np.tile([location, log_scale], (12, 1))
    data = {"time": TIME, "event": EVENT, "prediction": prediction}
    assert np.sum(of(loss, data)) == pytest.approx(-likelihood, rel=1e-9)


def test_far_beyond_the_normal_tail_is_scipys():
    time = np.exp(np.array([4.9, 5.1, 8.0, 30.0]))
    data = {"time": time, "event": 0 * time, "prediction": np.zeros((4, 2))}
    assert_agrees(log_normal_aft, data, -stats.norm.logsf(np.log(time)), rtol=3e-6)
