"""The picture of the data: the components that scikit-learn finds on the training rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

import tfloss
from tfloss.comparison.analysis import predictions
from tfloss.comparison.analysis.predictions import describe_predictions, pca_points
from tfloss.data import Table, prepare


@pytest.mark.parametrize("train_size", [5, 300])
def test_components_are_those_of_the_training_rows(train_size):
    data = tfloss.load_data("breast_cancer", train_size=train_size, scale="minmax")
    picture = pca_points(data)
    pca = PCA(3).fit(data.train.inputs)
    np.testing.assert_allclose(picture["share"], pca.explained_variance_ratio_, atol=1e-4)
    rows = np.concatenate([data.train.inputs, data.holdout.inputs])
    expected = pca.transform(rows)
    assert picture["left_out"] == 0
    points = np.array(picture["points"])
    signs = np.sign((points * expected).sum(axis=0))  # an axis may point either way
    np.testing.assert_allclose(points * signs, expected, atol=2e-4)
    assert picture["train"] == [True] * train_size + [False] * len(data.holdout)


def test_as_many_components_as_there_are():
    data = tfloss.load_data((np.arange(20.0)[:, None], np.arange(20) % 2), train_size=10)
    assert np.array(pca_points(data)["points"]).shape == (20, 1)


@pytest.mark.parametrize("limit", ["_MOST_PRODUCTS", "_MOST_VALUES"])
def test_large_data_have_the_picture_of_small_ones(limit, monkeypatch):
    """The first three axes only, or those of some of the rows; against scikit-learn's PCA."""
    random = np.random.default_rng(0)
    scales = np.array([9.0, 5.0, 3.0, 0.1, 0.1, 0.1])
    x = random.normal(size=(3_000, 6)) * scales
    data = prepare(Table(x, (x[:, 0] > 0).astype(int)), scale="none")
    monkeypatch.setattr(predictions, limit, 0)
    found = pca_points(data)
    oracle = PCA(3).fit(data.train.inputs)
    some = limit == "_MOST_VALUES"
    assert found["fitted_on"] == (700 if some else None)
    tolerance = 0.1 if some else 1e-3
    np.testing.assert_allclose(found["share"], oracle.explained_variance_ratio_, atol=tolerance)
    spread = np.std(found["points"], axis=0)
    np.testing.assert_allclose(spread, [9, 5, 3], rtol=0.2)
    assert len(found["points"]) == len(found["codes"]) == len(found["train"]) == 700


def test_of_very_many_classes_there_is_no_table():
    truth = np.arange(300) % 150
    found = describe_predictions(truth, np.full((300, 150), 1 / 150))
    assert found["confusion"] is None
    assert found["count"] == 300
