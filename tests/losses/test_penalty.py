"""Penalties against Keras' regularizers."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy import stats

from tfloss import tf
from tfloss_losses.penalty import confidence_penalty, elastic, l1, l2, orthogonality, spectral

from .checks import assert_derivative, assert_finite_and_equal_modes, cases, moderate, of
from .oracles import assert_agrees

FAMILY = (
    *cases(l1, l2, elastic, orthogonality, spectral),
    *cases(confidence_penalty, threshold=0.8),
)
SMOOTH = [one for one in FAMILY if "extreme" not in one.label]


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    assert_finite_and_equal_modes(FAMILY, chosen)


@pytest.mark.parametrize("chosen", SMOOTH, ids=str)
def test_derivative(chosen):
    assert_derivative(chosen)


@pytest.mark.parametrize(
    ("loss", "reference"),
    [
        (l1, keras.regularizers.L1(1.0)),
        (l2, keras.regularizers.L2(1.0)),
        (elastic, keras.regularizers.L1L2(0.5, 0.5)),
    ],
)
def test_keras_regularizers(loss, reference):
    data = moderate(3)
    expected = sum(float(reference(weight)) for weight in data["weights"])
    assert of(loss, data) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("loss", [l1, l2])
def test_one_tensor_will_do(loss):
    weight = np.arange(6.0).reshape(2, 3)
    assert loss(tf.constant(weight)).numpy() == loss([tf.constant(weight)]).numpy()


@pytest.mark.parametrize("loss", [l1, l2, elastic, orthogonality, spectral])
def test_no_weights_at_all_are_refused(loss):
    with pytest.raises(ValueError, match="no weights"):
        loss([])


def test_spectral_is_half_the_square_of_numpys_largest_singular_values():
    rng = np.random.default_rng(0)
    tall, wide, bias = rng.normal(size=(4, 3)), rng.normal(size=(2, 2, 5)), rng.normal(size=3)
    norms = [np.linalg.norm(matrix, 2) for matrix in (tall, wide.reshape(4, 5))]
    weights = [tf.constant(weight) for weight in (tall, bias, wide)]
    assert float(spectral(weights)) == pytest.approx(np.sum(np.square(norms)) / 2)
    with tf.GradientTape() as tape:
        tape.watch(weights[0])
        value = spectral(weights)
    u, s, v = np.linalg.svd(tall, full_matrices=False)
    np.testing.assert_allclose(tape.gradient(value, weights[0]), s[0] * np.outer(u[:, 0], v[0]))


@pytest.mark.parametrize("loss", [orthogonality, spectral])
def test_biases_alone_are_refused(loss):
    with pytest.raises(ValueError, match="two axes or more"):
        loss([tf.zeros(3)])


def test_orthogonality_is_the_squared_norm_of_what_is_missing():
    rng = np.random.default_rng(0)
    tall, wide, bias = rng.normal(size=(4, 3)), rng.normal(size=(2, 5)), rng.normal(size=3)
    reference = (
        np.linalg.norm(tall.T @ tall - np.eye(3)) ** 2
        + np.linalg.norm(wide @ wide.T - np.eye(2)) ** 2
    )
    assert_agrees(orthogonality, {"weights": [tall, wide, bias]}, reference)


def test_orthogonal_matrices_cost_nothing():
    rng = np.random.default_rng(0)
    kernel = stats.ortho_group.rvs(6, random_state=rng)
    for weight in (kernel, kernel[:, :4], kernel[:4], kernel[:, :4].reshape(2, 3, 4)):
        assert of(orthogonality, {"weights": [weight]}) == pytest.approx(0, abs=1e-12)


def test_orthogonality_of_biases_alone_is_refused():
    with pytest.raises(ValueError, match="two axes"):
        of(orthogonality, {"weights": [np.ones(3)]})


@pytest.mark.parametrize("columns", [1, 4])
def test_the_confidence_penalty_is_what_entropy_lacks(columns):
    data = moderate(columns)
    p = data["probs"] if columns > 1 else np.hstack([1 - data["probs"], data["probs"]])
    uniform = np.full_like(p, 1 / p.shape[-1])
    np.testing.assert_allclose(of(confidence_penalty, data), stats.entropy(p, uniform, axis=-1))
    lacking = 0.7 * np.log(p.shape[-1]) - stats.entropy(p, axis=-1)
    reference = np.maximum(lacking, 0)
    np.testing.assert_allclose(of(confidence_penalty, data, threshold=0.7), reference)


@pytest.mark.parametrize(
    ("loss", "settings"), [(elastic, {"ratio": 2}), (confidence_penalty, {"threshold": -1})]
)
def test_settings_outside_their_bounds_are_refused(loss, settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        of(loss, moderate(3), **settings)
