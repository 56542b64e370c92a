"""How strongly each term pulls: against gradients written out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

import tfloss
from tfloss.training.gradient_norms import gradients_of


@pytest.fixture(scope="module")
def result():
    data = tfloss.load_data("breast_cancer", train_size=12)
    return tfloss.fit(
        "bce + 0.3*l2 + 0.5*mse(labels, labels)", data, "mlp", epochs=3, batch_size=4, seed=1
    )


def test_norms_are_those_of_logistic_regression_by_hand(result):
    found = gradients_of(result, batch_size=12)
    train = result.data.train
    kernel, bias = (v.numpy() for v in result.student.forward_model.trainable_variables)
    wrong = expit(train.inputs @ kernel + bias) - train.labels
    by_kernel, by_bias = train.inputs.T @ wrong / 12, wrong.mean(axis=0)
    expected = np.sqrt((by_kernel**2).sum() + (by_bias**2).sum())
    assert found["bce"] == pytest.approx(expected, rel=1e-4)


def test_a_term_without_a_gradient_has_none(result):
    assert list(gradients_of(result, batch_size=4).values())[2] == 0.0


def test_asking_changes_no_weight(result):
    before = [v.numpy() for v in result.student.forward_model.variables]
    gradients_of(result, batch_size=4)
    for old, new in zip(before, result.student.forward_model.variables, strict=True):
        np.testing.assert_array_equal(old, new.numpy())
