"""Segmentation losses against scikit-learn, scipy's distance transform and the papers' sums."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage, special
from sklearn.metrics import f1_score, matthews_corrcoef

from tfloss_losses import segmentation
from tfloss_losses.segmentation import (
    boundary,
    centreline_dice,
    combo,
    focal_tversky,
    generalised_dice,
    hausdorff_distance,
    image_dice,
    log_cosh_dice,
    matthews,
    unified_focal,
)

from .checks import of
from .oracles import assert_agrees, assert_passes_the_kit

RANDOM = np.random.default_rng(0)
CLASSES = RANDOM.integers(0, 3, size=(4, 6, 5))
Y, Z = np.eye(3)[CLASSES], 2 * RANDOM.normal(size=(4, 6, 5, 3))
DATA = {"labels": Y, "logits": Z}
P = special.softmax(Z, axis=-1)
TP, FP, FN = ((a * b).sum(axis=(1, 2)) for a, b in ((Y, P), (1 - Y, P), (Y, 1 - P)))


@pytest.mark.parametrize(
    "loss", [loss for loss in segmentation.tfloss_losses() if loss is not centreline_dice], ids=str
)
def test_the_kit(loss):
    assert_passes_the_kit(loss)


def test_the_kit_on_images():
    assert_passes_the_kit(centreline_dice, without="gradient equals finite differences")


def test_certain_answers_give_scikit_learns_scores():
    said = RANDOM.integers(0, 2, size=(4, 30))
    is_ = RANDOM.integers(0, 2, size=(4, 30))
    data = {"labels": is_[..., None].astype(float), "logits": 2e3 * said[..., None] - 1e3}
    f1 = [f1_score(y, p) for y, p in zip(is_, said, strict=True)]
    assert_agrees(image_dice, data, 1 - np.array(f1), smooth=1e-9, rtol=1e-8)
    assert_agrees(log_cosh_dice, data, np.log(np.cosh(1 - np.array(f1))), smooth=1e-9, rtol=1e-8)
    assert_agrees(matthews, data, 1 - matthews_corrcoef(is_.ravel(), said.ravel()))


def test_soft_counts_of_each_image():
    assert_agrees(image_dice, DATA, 1 - np.mean((2 * TP + 1) / (2 * TP + FP + FN + 1), axis=1))
    weight = Y.sum(axis=(1, 2)) ** -2.0
    shared, apart = (2 * weight * TP).sum(axis=1), (weight * (FP + FN)).sum(axis=1)
    assert_agrees(generalised_dice, DATA, 1 - (shared + 1e-3) / (shared + apart + 1e-3))
    index = (TP + 1) / (TP + 0.3 * FP + 0.7 * FN + 1)
    assert_agrees(focal_tversky, DATA, np.mean((1 - index) ** 0.75, axis=1))


def test_combo():
    p = special.expit(Z)
    entropy = -np.mean(0.7 * Y * np.log(p) + 0.3 * (1 - Y) * np.log(1 - p), axis=(1, 2, 3))
    expected = 0.4 * entropy + 0.6 * of(image_dice, DATA)
    assert_agrees(combo, DATA, expected, share=0.4, beta=0.7)


def _disc():
    """A disc, and its signed distance by scipy: negative inside."""
    rows, columns = np.indices((20, 20)) - 9.5
    inside = rows**2 + columns**2 < 36
    outer = ndimage.distance_transform_edt(~inside)
    return inside, outer - ndimage.distance_transform_edt(inside)


def test_boundary_is_the_mean_signed_distance_of_what_is_said():
    inside, distance = _disc()
    given = {"distances": distance[None, ..., None], "logits": RANDOM.normal(size=(1, 20, 20, 1))}
    p = special.expit(given["logits"])[0, ..., 0]
    assert_agrees(boundary, given, [np.mean(distance * p)])
    best = given | {"logits": np.where(inside, 1e4, -1e4)[None, ..., None]}
    assert of(boundary, best)[0] == pytest.approx(distance[inside].sum() / 400)


def test_hausdorff_counts_errors_by_their_distance():
    inside, distance = _disc()
    given = {
        "labels": inside[None, ..., None].astype(float),
        "logits": RANDOM.normal(size=(1, 20, 20, 1)),
        "distances": np.abs(distance)[None, ..., None],
    }
    p = special.expit(given["logits"])[0, ..., 0]
    expected = np.mean((p - inside) ** 2 * np.abs(distance) ** 1.5)
    assert_agrees(hausdorff_distance, given, [expected], alpha=1.5)


def test_unified_focal():
    places = Y.reshape(4, 30, 3), P.reshape(4, 30, 3)
    focal = -np.log(places[1]) * (1 - places[1]) ** 0.7
    entropy = 0.6 * np.mean(np.sum(places[0] * focal, axis=2), axis=1)
    index = (TP + 1e-3) / (TP + 0.6 * FN + 0.4 * FP + 1e-3)
    overlap = np.mean((1 - index) ** 0.3, axis=1)
    assert_agrees(unified_focal, DATA, 0.2 * entropy + 0.8 * overlap, share=0.2, gamma=0.3)


def _skeleton(image, iterations):
    """Algorithm 1 of the paper, with scipy's filters; outside of the image nothing counts."""

    def erode(x):
        one = ndimage.minimum_filter(x, (3, 1), mode="nearest")
        return np.minimum(one, ndimage.minimum_filter(x, (1, 3), mode="nearest"))

    def opened(x):
        return ndimage.maximum_filter(erode(x), (3, 3), mode="nearest")

    found = np.maximum(image - opened(image), 0)
    for _ in range(iterations):
        image = erode(image)
        rest = np.maximum(image - opened(image), 0)
        found = found + np.maximum(rest - found * rest, 0)
    return found


def test_centreline_dice():
    mask, truth = RANDOM.uniform(0.02, 0.98, size=(2, 14, 14))
    bones = [_skeleton(image, 3) for image in (mask, truth)]
    precision = (np.sum(bones[0] * truth) + 1) / (np.sum(bones[0]) + 1)
    recall = (np.sum(bones[1] * mask) + 1) / (np.sum(bones[1]) + 1)
    data = {"labels": truth[None, ..., None], "logits": special.logit(mask)[None, ..., None]}
    assert_agrees(centreline_dice, data, [1 - 2 * precision * recall / (precision + recall)])
