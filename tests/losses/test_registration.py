"""Registration losses against numpy, scikit-learn and polynomials whose energy is known."""

from __future__ import annotations

import numpy as np
import pytest

from tfloss import tf
from tfloss_losses import registration
from tfloss_losses.registration import (
    bending_energy,
    diffusion_energy,
    local_ncc,
    mutual_information,
    ncc,
)

from .checks import of
from .oracles import assert_agrees, assert_passes_the_kit

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.uniform(size=(2, 3, 8, 7, 1))
DATA = {"labels": X, "prediction": Y}
A, B, C = np.indices((5, 6, 4)).astype(float)


@pytest.mark.parametrize("loss", registration.tfloss_losses(), ids=lambda loss: loss.name)
def test_the_kit(loss):
    assert_passes_the_kit(loss)


def test_ncc_is_numpys_correlation():
    expected = [1 - np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(X, Y, strict=True)]
    assert_agrees(ncc, DATA, expected)


def test_local_ncc_window_by_window():
    expected = []
    for a, b in zip(X[..., 0], Y[..., 0], strict=True):
        shares = []
        for i, j in np.ndindex(8, 7):
            window = np.s_[max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2]
            p, q = a[window].ravel(), b[window].ravel()
            cov = np.mean((p - p.mean()) * (q - q.mean()))
            shares.append(cov**2 / (p.var() * q.var() + 1e-5))
        expected.append(1 - np.mean(shares))
    assert_agrees(local_ncc, DATA, expected, window=3)


def test_local_ncc_takes_volumes():
    volumes = {"labels": RANDOM.uniform(size=(2, 5, 6, 4, 1))}
    volumes["prediction"] = 2 * volumes["labels"] + 1
    assert np.all(of(local_ncc, volumes, window=3, epsilon=1e-12) < 1e-5)


def test_mutual_information_of_narrow_bins_is_that_of_the_counts():
    """Colours that stand on the bins: the histogram is exact, and scikit-learn has its own."""
    from sklearn.metrics import mutual_info_score

    codes = RANDOM.integers(0, 5, size=(2, 2, 6, 6, 1))
    data = {"labels": codes[0] / 4, "prediction": codes[1] / 4}
    expected = [-mutual_info_score(a.ravel(), b.ravel()) for a, b in zip(*codes, strict=True)]
    assert_agrees(mutual_information, data, expected, bins=5, width=0.05)


def test_energies_of_polynomials():
    """u = x² + 3xy + 2z: bends by 2 along x, and by 3 in the mixed derivative of x and y."""
    field = (A**2 + 3 * A * B + 2 * C)[None, ..., None]
    assert_agrees(bending_energy, {"field": field}, [2**2 + 2 * 3**2])
    affine = (3 * A - B + 2 * C)[None, ..., None]
    assert_agrees(bending_energy, {"field": affine}, [0.0])
    assert_agrees(diffusion_energy, {"field": affine}, [(9 + 1 + 4) / 3])


def test_fields_without_places_are_refused():
    with pytest.raises(ValueError, match="places"):
        bending_energy(tf.zeros((2, 2, 4, 1)))
    with pytest.raises(ValueError, match="places"):
        diffusion_energy(tf.zeros((2, 3)))
