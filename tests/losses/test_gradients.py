"""Gradients that the kit does not take: of float32 alone, between ties, of many places.

The others are held against central differences by the kit, or by `assert_derivative`.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import special

from tfloss import tf
from tfloss_losses.consistency import fixmatch
from tfloss_losses.fairness import min_diff
from tfloss_losses.feature_maps import hierarchical_context
from tfloss_losses.images import image_total_variation, style
from tfloss_losses.segmentation import centreline_dice
from tfloss_losses.sequences import ctc
from tfloss_losses.sparse import weighted_kappa

from .checks import assert_derivative, case

RANDOM = np.random.default_rng(7)


def gradient_of(loss, by, tensors, dtype="float64", **settings):
    given = {name: tf.constant(array, dtype) for name, array in tensors.items()}
    with tf.GradientTape() as tape:
        tape.watch(given[by])
        value = tf.reduce_sum(loss(**given, **settings))
    return tape.gradient(value, given[by])


SMOOTH = (
    case(
        centreline_dice,
        "masks",
        {"labels": RANDOM.uniform(size=(1, 6, 5, 1)), "logits": RANDOM.normal(size=(1, 6, 5, 1))},
    ),
    case(
        hierarchical_context,
        "maps",
        dict(zip(("teacher_maps", "maps"), RANDOM.normal(size=(2, 1, 8, 6, 1)), strict=True)),
    ),
    case(
        min_diff,
        "groups",
        {"logits": RANDOM.normal(size=(6, 1)), "group": np.repeat([0.0, 1.0], 3)},
        bandwidth=0.2,
    ),
    case(
        style,
        "maps",
        dict(zip(("first_maps", "second_maps"), RANDOM.normal(size=(2, 2, 3, 3, 2)), strict=True)),
    ),
    case(
        weighted_kappa,
        "classes",
        {"labels": np.eye(4)[np.arange(6) % 4], "logits": RANDOM.normal(size=(6, 4))},
    ),
)


@pytest.mark.parametrize("chosen", SMOOTH, ids=str)
def test_central_differences(chosen):
    assert_derivative(chosen, fixed=("labels", "group"))


def test_total_variation_counts_the_neighbours_that_are_less_and_more():
    image = RANDOM.normal(size=(2, 5, 4, 3))
    expected = np.zeros_like(image)
    for axis in (1, 2):
        sign = np.sign(np.diff(image, axis=axis))
        nothing = np.zeros_like(np.take(image, [0], axis=axis))
        expected -= np.diff(np.concatenate([nothing, sign, nothing], axis=axis), axis=axis)
    found = gradient_of(image_total_variation, "image", {"image": image})
    np.testing.assert_allclose(found, expected / image[0].size, rtol=1e-12, atol=1e-15)


def test_fixmatch_trains_the_strong_view_towards_what_the_weak_one_is_sure_of():
    weak, strong = 2 * RANDOM.normal(size=(2, 8, 3))
    chances = special.softmax(weak, axis=1)
    sure = chances.max(axis=1) >= 0.7
    assert 0 < sure.sum() < 8
    answer = np.eye(3)[chances.argmax(axis=1)]
    expected = sure[:, None] * (special.softmax(strong, axis=1) - answer)
    found = gradient_of(fixmatch, "strong", {"weak": weak, "strong": strong}, threshold=0.7)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_ctc_has_the_gradient_of_the_sum_over_every_path():
    frames, tokens = RANDOM.normal(size=(4, 3)), [1, 2]

    def surprise(logits):
        chances = special.softmax(logits, axis=-1)
        paths = itertools.product(range(3), repeat=4)
        fitting = [p for p in paths if [k for k, _ in itertools.groupby(p) if k] == tokens]
        return -np.log(sum(np.prod(chances[np.arange(4), list(path)]) for path in fitting))

    expected = np.zeros_like(frames)
    for index in np.ndindex(*frames.shape):
        step = np.zeros_like(frames)
        step[index] = 1e-6
        expected[index] = (surprise(frames + step) - surprise(frames - step)) / 2e-6
    logits = tf.constant(frames[None], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = ctc(tf.constant([tokens]), logits)
    np.testing.assert_allclose(tape.gradient(value, logits), expected[None], rtol=1e-4, atol=1e-6)
