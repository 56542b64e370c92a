"""Forecasts with their uncertainty: several quantiles, intervals, ensembles; lower is better.

They are proper scoring rules: whoever answers what he believes is best on average.
"""

from __future__ import annotations

from typing import Any

import tfloss
from tfloss_losses.forecasting.distributions import (
    crps_gaussian,
    crps_laplace,
    crps_logistic,
    dawid_sebastiani,
)
from tfloss_losses.forecasting.ensembles import crps_ensemble, energy_score
from tfloss_losses.forecasting.levels import crossing, interval_score, quantile_huber

__all__ = [
    "crossing",
    "crps_ensemble",
    "crps_gaussian",
    "crps_laplace",
    "crps_logistic",
    "dawid_sebastiani",
    "energy_score",
    "interval_score",
    "quantile_huber",
]


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [
        crossing,
        quantile_huber,
        interval_score,
        crps_gaussian,
        crps_laplace,
        crps_logistic,
        dawid_sebastiani,
        crps_ensemble,
        energy_score,
    ]
