"""Classification losses against Keras, scikit-learn, scipy and the textbook sum."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
from scipy import special, stats
from sklearn.metrics import log_loss

from tfloss import tf
from tfloss_losses.classification import bce, ce, cross_entropy, entropy

from .checks import (
    assert_derivative,
    assert_finite_and_equal_modes,
    assert_refuses_other_shapes,
    case,
    cases,
    moderate,
    of,
)

FAMILY = (
    *cases(bce, entropy),
    *cases(cross_entropy),
    *cases(ce, columns=(2, 3)),
    case(bce, "smooth", moderate(3), label_smoothing=0.1),
    case(ce, "smooth", moderate(3), label_smoothing=0.1, class_weights=[1, 2, 0.5]),
)
SMOOTH = [one for one in FAMILY if "extreme" not in one.label]


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    assert_finite_and_equal_modes(FAMILY, chosen)


@pytest.mark.parametrize("chosen", SMOOTH, ids=str)
def test_derivative(chosen):
    assert_derivative(chosen)


@pytest.mark.parametrize("loss", [bce, ce, cross_entropy])
def test_other_shapes_are_refused(loss):
    assert_refuses_other_shapes(loss)


@pytest.mark.parametrize("weight", [3.0, [0.5, 1.0, 7.0]])
def test_a_heavier_yes_is_tensorflows(weight):
    data = moderate(3)
    theirs = tf.nn.weighted_cross_entropy_with_logits(
        data["labels"], data["logits"], tf.constant(weight, tf.float64)
    )
    ours = of(bce, data, pos_weight=weight)
    np.testing.assert_allclose(ours, theirs.numpy().mean(axis=1), rtol=1e-6)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1.0, 2.0], "has 2 entries, but 'logits'"),
        ([], "has 0 entries"),
        ([1, 0, 1], "positive, each"),
    ],
)
def test_weights_of_a_yes_are_refused(weight, message):
    with pytest.raises(ValueError, match=message):
        of(bce, moderate(3), pos_weight=weight)


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_bce_is_keras(columns, smoothing):
    data = moderate(columns)
    reference = keras.losses.binary_crossentropy(
        data["labels"], data["logits"], from_logits=True, label_smoothing=smoothing
    )
    np.testing.assert_allclose(of(bce, data, label_smoothing=smoothing), reference, rtol=1e-6)


def test_bce_is_scikit_learns_log_loss():
    data = moderate(1, rows=50)
    reference = log_loss(data["labels"].ravel(), special.expit(data["logits"]).ravel())
    assert np.mean(of(bce, data)) == pytest.approx(reference)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_ce_is_keras(smoothing):
    data = moderate(4)
    reference = keras.losses.categorical_crossentropy(
        data["labels"], data["logits"], from_logits=True, label_smoothing=smoothing
    )
    np.testing.assert_allclose(of(ce, data, label_smoothing=smoothing), reference, rtol=1e-6)


def test_ce_of_soft_labels_and_class_weights_is_the_sum():
    data = moderate(3) | {"labels": moderate(3, seed=1)["teacher"]}
    weights = [1.0, 2.0, 0.5]
    reference = [
        -sum(
            w * y * (z - special.logsumexp(row))
            for w, y, z in zip(weights, label, row, strict=True)
        )
        for label, row in zip(data["labels"], data["logits"], strict=True)
    ]
    np.testing.assert_allclose(of(ce, data, class_weights=weights), reference)


@pytest.mark.parametrize("shape", [(5,), (5, 1)])
def test_ce_takes_integer_labels(shape):
    data = moderate(3)
    classes = np.argmax(data["labels"], axis=-1).reshape(shape)
    sparse = ce(tf.constant(classes), tf.constant(data["logits"]))
    np.testing.assert_allclose(sparse, of(ce, data))


def test_ce_of_one_column_is_refused():
    data = moderate(1)
    with pytest.raises(ValueError, match="use bce"):
        ce(tf.constant(data["labels"]), tf.constant(data["logits"]))


@pytest.mark.parametrize(
    ("loss", "settings"),
    [
        (bce, {"label_smoothing": 1.5}),
        (ce, {"label_smoothing": -0.1}),
        (ce, {"class_weights": [1.0]}),
    ],
)
def test_settings_outside_their_bounds_are_refused(loss, settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        of(loss, moderate(3), **settings)


def test_cross_entropy_is_scikit_learns_for_any_number_of_classes():
    logits = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    codes = np.arange(20) % 3
    value = cross_entropy(tf.one_hot(codes, 3), logits)
    expected = log_loss(codes, special.softmax(logits.astype(np.float64), axis=1))
    assert float(tf.reduce_mean(value)) == pytest.approx(expected, rel=1e-5)
    labels = (codes[:, None] == 1).astype(np.float32)
    value = cross_entropy(labels, logits[:, :1])
    expected = log_loss(labels[:, 0], special.expit(logits[:, 0].astype(np.float64)))
    assert float(tf.reduce_mean(value)) == pytest.approx(expected, rel=1e-5)


def test_entropy_is_scipys():
    data = moderate(4)
    reference = stats.entropy(special.softmax(data["logits"], axis=-1), axis=-1)
    np.testing.assert_allclose(of(entropy, data), reference)


def test_entropy_of_one_column_is_a_bernoullis():
    data = moderate(1)
    reference = stats.bernoulli(special.expit(data["logits"][:, 0])).entropy()
    np.testing.assert_allclose(of(entropy, data), reference)


def test_entropy_is_largest_where_the_student_knows_nothing():
    assert of(entropy, {"logits": np.zeros((1, 5))})[0] == pytest.approx(math.log(5))
