"""The teachers of many seeds: kept, and estimated."""

from __future__ import annotations

import numpy as np
import pytest

from tfloss.comparison.replicates import seeds
from tfloss.comparison.replicates.seeds import prepare_seeds
from tfloss.registry import Registry
from tfloss.training.config import Config

CONFIG = Config(formula="bce + kl", train_size=30, teacher=("lr",))


def test_teachers_of_every_seed_are_kept_and_not_fitted_again(registry, tmp_path, monkeypatch):
    from sklearn.linear_model import LogisticRegression

    fitted = []
    fit = LogisticRegression.fit
    monkeypatch.setattr(
        LogisticRegression, "fit", lambda self, *a, **k: fitted.append(0) or fit(self, *a, **k)
    )
    first, _ = prepare_seeds(CONFIG, range(4), registry, cache=tmp_path)
    assert len(fitted) >= 4
    fitted.clear()
    again, _ = prepare_seeds(CONFIG, range(4), registry, cache=tmp_path)
    assert not fitted
    for one, other in zip(first, again, strict=True):
        kept, fresh = other.teachers["teacher"], one.teachers["teacher"]
        np.testing.assert_array_equal(kept.predictions_holdout, fresh.predictions_holdout)
    assert not np.array_equal(
        *(one.teachers["teacher"].predictions_holdout for one in first[:2])
    )  # a seed's own


@pytest.mark.parametrize(("worth", "told"), [(0.0, 1), (1e9, 0)])
def test_what_fitting_takes_is_foreseen_after_two_seeds(registry, monkeypatch, worth, told):
    monkeypatch.setattr(seeds, "_WORTH_PROCESSES", worth)
    heard = []
    own = Registry(registry.plugins)  # not the installed one, so nothing is fitted elsewhere
    made, _ = prepare_seeds(CONFIG, range(4), own, on_estimate=heard.append)
    assert len(made) == 4
    assert len(heard) == told
    assert all(0 < seconds < 60 for seconds in heard)
