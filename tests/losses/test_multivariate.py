"""The multivariate normal against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tfloss_losses.multivariate import multivariate_normal_nll

from .checks import of
from .oracles import assert_agrees, assert_passes_the_kit

RANDOM = np.random.default_rng(0)


def test_the_kit():
    assert_passes_the_kit(multivariate_normal_nll)


@pytest.mark.parametrize("wide", [1, 2, 4])
def test_it_is_scipys(wide):
    y, mean = RANDOM.normal(size=(2, 3, wide))
    factor = RANDOM.normal(size=(3, wide * (wide + 1) // 2))
    expected = []
    for row in range(3):
        lower = np.zeros((wide, wide))
        lower[np.tril_indices(wide)] = factor[row]
        np.fill_diagonal(lower, np.exp(np.diag(lower)))
        normal = stats.multivariate_normal(mean[row], np.linalg.inv(lower @ lower.T))
        expected.append(-normal.logpdf(y[row]))
    data = {"labels": y, "prediction": mean, "factor": factor}
    assert_agrees(multivariate_normal_nll, data, expected, rtol=1e-8)


def test_a_factor_of_another_size_is_refused():
    data = {"labels": np.ones((2, 3)), "prediction": np.ones((2, 3)), "factor": np.ones((2, 5))}
    with pytest.raises(ValueError, match="triangle"):
        of(multivariate_normal_nll, data)
