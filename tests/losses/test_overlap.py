"""Overlap losses against scikit-learn's scores on certain answers, and Keras."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from sklearn.metrics import f1_score, fbeta_score, jaccard_score

from tfloss import tf
from tfloss_losses.overlap import dice, jaccard, tversky

from .checks import (
    assert_derivative,
    assert_finite_and_equal_modes,
    assert_refuses_other_shapes,
    cases,
    moderate,
    of,
)
from .oracles import assert_passes_the_kit

ALL = (tversky, dice, jaccard)
FAMILY = tuple(cases(*ALL))
SMOOTH = [one for one in FAMILY if "extreme" not in one.label]


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    assert_finite_and_equal_modes(FAMILY, chosen)


@pytest.mark.parametrize("chosen", SMOOTH, ids=str)
def test_derivative(chosen):
    assert_derivative(chosen)


@pytest.mark.parametrize("loss", ALL)
def test_other_shapes_are_refused(loss):
    assert_refuses_other_shapes(loss)


def test_classes_have_weights():
    data, weights = moderate(3, rows=40), [1.0, 0.0, 3.0]
    for loss in ALL:
        # With weight on one class alone, its overlap is the loss.
        each = [of(loss, data, class_weights=np.eye(3)[c].tolist()) for c in range(3)]
        expected = np.average(each, weights=weights)
        assert of(loss, data, class_weights=weights) == pytest.approx(expected)
        assert of(loss, data) == pytest.approx(np.mean(each))
    with pytest.raises(ValueError, match="all zero"):
        of(dice, data, class_weights=[0, 0, 0])


@pytest.mark.parametrize("columns", [1, 3])
def test_certain_answers_give_scikit_learns_scores(columns):
    data = moderate(columns, rows=40)
    if columns == 1:
        answers = data["logits"] > 0
        truth, said, average = data["labels"].ravel(), answers.ravel(), "binary"
    else:
        answers = np.eye(3)[np.argmax(data["logits"], axis=-1)] > 0
        truth, said = (np.argmax(x, axis=-1) for x in (data["labels"], answers))
        average = "macro"
    certain = {"labels": data["labels"], "logits": np.where(answers, 1e3, -1e3)}
    tiny = 1e-9
    f1, f2 = (
        f1_score(truth, said, average=average),
        fbeta_score(truth, said, beta=2, average=average),
    )
    iou = jaccard_score(truth, said, average=average)
    assert of(dice, certain, smooth=tiny) == pytest.approx(1 - f1)
    assert of(jaccard, certain, smooth=tiny) == pytest.approx(1 - iou)
    # The F-score of beta weighs misses beta² times as much as false alarms.
    assert of(tversky, certain, alpha=0.2, beta=0.8, smooth=tiny) == pytest.approx(1 - f2)


def test_one_column_is_keras():
    # Keras 3.15 documents alpha as the cost of false alarms but multiplies the misses with it.
    data = moderate(1) | {"sample_weight": np.ones(5)}
    reference = keras.losses.tversky(data["labels"], data["probs"], alpha=0.7, beta=0.3)
    ours = of(tversky, data, alpha=0.3, beta=0.7, smooth=1e-7)
    assert ours == pytest.approx(float(reference), rel=1e-5)


def test_a_weight_of_two_is_the_example_twice():
    data = moderate(3)
    twice = {name: np.vstack([data[name], data[name][:1]]) for name in ("labels", "logits")}
    weighted = data | {"sample_weight": np.array([2.0, 1, 1, 1, 1])}
    for loss in ALL:
        assert of(loss, weighted) == pytest.approx(of(loss, twice))


def test_images_count_every_pixel():
    data = moderate(3, rows=12)
    flat = {name: data[name] for name in ("labels", "logits")}
    images = {name: array.reshape(3, 2, 2, 3) for name, array in flat.items()}
    assert of(dice, images) == pytest.approx(of(dice, flat))
    weighted = images | {"sample_weight": np.array([1.0, 0.0, 0.0])}
    first = {name: array[:1] for name, array in images.items()}
    assert of(dice, weighted) == pytest.approx(of(dice, first))


def test_a_batch_without_the_class_is_perfect():
    nothing = {"labels": np.zeros((4, 1)), "logits": np.full((4, 1), -1e4)}
    for loss in ALL:
        assert of(loss, nothing) == 0


def test_weights_in_a_column_are_refused():
    data = moderate(1)
    with pytest.raises(ValueError, match="sample_weight"):
        dice(*(tf.constant(data[name]) for name in ("labels", "logits", "labels")))


@pytest.mark.parametrize(("loss", "score"), [(dice, f1_score), (jaccard, jaccard_score)])
def test_over_classes_the_batch_or_examples_is_scikit_learns_average(loss, score):
    data = moderate(3, rows=24)
    truth, said = (np.argmax(data[name], axis=-1) for name in ("labels", "logits"))
    certain = {"labels": data["labels"], "logits": np.where(np.eye(3)[said] > 0, 1e3, -1e3)}
    images = {name: array.reshape(4, 3, 2, 3) for name, array in certain.items()}

    def average(truth, said, kind):
        known = {"labels": [0, 1, 2], "zero_division": 1}
        return np.mean(score(truth, said, average=kind, **known))

    each = [
        average(*one, None) for one in zip(truth.reshape(4, 6), said.reshape(4, 6), strict=True)
    ]
    expected = {
        "classes": average(truth, said, "macro"),
        "batch": average(truth, said, "micro"),
        "examples": np.mean(each),
    }
    for over, value in expected.items():
        assert of(loss, images, over=over, smooth=1e-9) == pytest.approx(1 - value)
    weight = np.array([1.0, 0.0, 2.0, 0.0])
    found = of(loss, images | {"sample_weight": weight}, over="examples", smooth=1e-9)
    assert found == pytest.approx(1 - np.average(each, weights=weight))


@pytest.mark.parametrize("over", ["batch", "examples"])
def test_the_kit_whatever_it_is_over(over):
    for loss in ALL:
        assert_passes_the_kit(loss, over=over)


def test_over_something_else_is_refused():
    with pytest.raises(ValueError, match="'over' of 'dice' is 'pixels' but must be 'classes',"):
        of(dice, moderate(3), over="pixels")
