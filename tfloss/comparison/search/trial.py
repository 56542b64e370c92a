"""What one trial of a search is worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfloss.comparison.analysis.metrics import (
    metric_values,
    predictions_of,
    scored_as,
    truth_of,
)
from tfloss.comparison.comparison import Comparison
from tfloss.comparison.replicates.initial_weights import initial_weights
from tfloss.comparison.replicates.seeds import SeedSetup, student_of
from tfloss.comparison.replicates.shared_programs import ProgramCache
from tfloss.comparison.replicates.trainer import train_all
from tfloss.comparison.search.study import Plan
from tfloss.errors import TflossError
from tfloss.registry import Metric, Registry
from tfloss.training.config import Config
from tfloss.training.target_units import link_of


class PrunedError(TflossError):
    """A trial that is not worth finishing."""


class TrialValue:
    """Trains a configuration on all seeds and returns the metric's mean over their holdouts.

    Args:
        plan: of the search.
        setups: what each seed brings.
        metric: what is made better.
        registry: what names stand for.
    """

    def __init__(
        self, plan: Plan, setups: Sequence[SeedSetup], metric: Metric, registry: Registry
    ) -> None:
        self._setups, self._metric, self._registry = setups, metric, registry
        config, data = plan.static, setups[0].data
        self._task = scored_as(data)
        self._programs = ProgramCache()
        self._truth = truth_of([setup.data.holdout for setup in setups], self._task)
        # The same for all trials, so that they are built once.
        student = student_of(config, data, setups[0].seed, registry)
        seeds = [setup.seed for setup in setups]
        self._link = link_of(config.formula, registry)
        self._weights = initial_weights(student, config, data, seeds, registry)

    def __call__(self, config: Config, trial: Any) -> float:
        """The value at the end; NaN where a training stopped being finite.

        Args:
            config: what is tried.
            trial: optuna's, which is told the value after each evaluation.

        Raises:
            PrunedError: the pruner ends the trial.
        """

        def on_evaluation(epoch: int, logits: np.ndarray) -> None:
            if len(logits) < len(self._setups):
                return  # more seeds than fit into one program; judged at the end alone
            value = self._value(logits)
            if math.isnan(value) and config.on_nan != "stop":
                return  # these replicates are trained again, and count then
            trial.report(value, epoch)
            if epoch < config.epochs and trial.should_prune():
                raise PrunedError

        trained = train_all(
            Comparison.of([config.formula], config, seeds=len(self._setups)),
            self._setups,
            self._registry,
            on_evaluation=on_evaluation,
            weights=self._weights,
            programs=self._programs,
            explain=False,
        )
        (found,) = trained.trajectories
        return math.nan if found.diverged.any() else self._value(found.logits[-1])

    def _value(self, logits: np.ndarray) -> float:
        if not np.isfinite(logits).all():
            return math.nan
        predictions = predictions_of(logits, self._task, self._link)
        return float(metric_values(self._metric, self._truth, predictions).mean())
