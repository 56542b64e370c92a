"""The picture of the data: the components that scikit-learn finds on the training rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

import tfloss
from tfloss.comparison.analysis.predictions import pca_points


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
