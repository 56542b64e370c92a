"""Negative log-likelihoods: the student gives a distribution's parameters, for counts and amounts.

The parameters stand side by side in the prediction, each with as many columns as the labels; two
layers are put together by concat(mean, log_scale). Constants are not left out, so that values are
logarithms of densities and can be compared between distributions.
"""

from __future__ import annotations

from typing import Any

import tfloss
from tfloss_losses.densities.amounts import beta_distribution_nll, gamma_nll, log_normal_nll
from tfloss_losses.densities.counts import (
    hurdle_poisson,
    negative_binomial,
    zero_inflated_negative_binomial,
    zero_inflated_poisson,
)
from tfloss_losses.densities.numbers import (
    gaussian_mixture,
    logistic_nll,
    student_t_nll,
    von_mises_nll,
)

__all__ = [
    "beta_distribution_nll",
    "gamma_nll",
    "gaussian_mixture",
    "hurdle_poisson",
    "log_normal_nll",
    "logistic_nll",
    "negative_binomial",
    "student_t_nll",
    "von_mises_nll",
    "zero_inflated_negative_binomial",
    "zero_inflated_poisson",
]


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [
        negative_binomial,
        zero_inflated_poisson,
        zero_inflated_negative_binomial,
        hurdle_poisson,
        student_t_nll,
        gamma_nll,
        log_normal_nll,
        beta_distribution_nll,
        von_mises_nll,
        logistic_nll,
        gaussian_mixture,
    ]
