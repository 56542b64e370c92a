"""Box losses against TensorFlow Addons' published values and boxes counted in loops."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tfloss_losses.boxes import (
    ciou,
    diou,
    eiou,
    gaussian_wasserstein_box,
    giou,
    iou,
    penalty_reduced_focal,
)

from .checks import of
from .oracles import assert_agrees, assert_passes_the_kit

BOXES = (iou, giou, diou, ciou, eiou, gaussian_wasserstein_box)
RANDOM = np.random.default_rng(0)
LOW = RANDOM.uniform(0, 5, size=(2, 40, 2))
PAIR = np.concatenate([LOW, LOW + RANDOM.uniform(0.5, 4, size=LOW.shape)], axis=-1)
DATA = {"labels": PAIR[0], "prediction": PAIR[1]}


@pytest.mark.parametrize("loss", [*BOXES, penalty_reduced_focal])
def test_the_kit(loss):
    assert_passes_the_kit(loss)


def test_values_that_tensorflow_addons_publishes():
    """tensorflow_addons/losses/tests/giou_loss_test.py: 1.075 and 1.9333, and IoU 0.875 and 1."""
    data = {
        "labels": np.array([[4.0, 3, 7, 5], [5, 6, 10, 7]]),
        "prediction": np.array([[3.0, 4, 6, 8], [14, 14, 15, 15]]),
    }
    assert_agrees(giou, data, [1.075, 1.9333333333333333])
    assert_agrees(iou, data, [0.875, 1.0])


def _by_hand(a, b):
    """IoU and what the others add to it, by the papers' definitions."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    (wa, ha), (wb, hb) = (a[2] - a[0], a[3] - a[1]), (b[2] - b[0], b[3] - b[1])
    union = wa * ha + wb * hb - width * height
    overlap = width * height / union
    cw, ch = max(a[2], b[2]) - min(a[0], b[0]), max(a[3], b[3]) - min(a[1], b[1])
    centres = math.dist(
        ((a[0] + a[2]) / 2, (a[1] + a[3]) / 2), ((b[0] + b[2]) / 2, (b[1] + b[3]) / 2)
    )
    away = centres**2 / (cw**2 + ch**2)
    v = 4 / math.pi**2 * (math.atan(wa / ha) - math.atan(wb / hb)) ** 2
    alpha = v / (1 - overlap + v)
    wasserstein = math.sqrt(centres**2 + ((wa - wb) ** 2 + (ha - hb) ** 2) / 4)
    return {
        iou: 1 - overlap,
        giou: 1 - overlap + (cw * ch - union) / (cw * ch),
        diou: 1 - overlap + away,
        ciou: 1 - overlap + away + alpha * v,
        eiou: 1 - overlap + away + (wa - wb) ** 2 / cw**2 + (ha - hb) ** 2 / ch**2,
        gaussian_wasserstein_box: 1 - math.exp(-wasserstein / 12.8),
    }


@pytest.mark.parametrize("loss", BOXES)
def test_boxes_one_by_one(loss):
    assert_agrees(loss, DATA, [_by_hand(a, b)[loss] for a, b in zip(*PAIR, strict=True)])


@pytest.mark.parametrize("loss", BOXES)
def test_middle_and_size_say_the_same_box(loss):
    def centred(boxes):
        one, two = boxes[:, :2], boxes[:, 2:]
        return np.concatenate([(one + two) / 2, two - one], axis=-1)

    said = {name: centred(boxes) for name, boxes in DATA.items()}
    np.testing.assert_allclose(of(loss, said, box="centre"), of(loss, DATA), rtol=1e-9)


@pytest.mark.parametrize("loss", BOXES)
def test_corners_in_another_order_and_several_boxes(loss):
    turned = {name: boxes[:, [2, 1, 0, 3]] for name, boxes in DATA.items()}
    np.testing.assert_allclose(of(loss, turned), of(loss, DATA))
    several = {name: boxes.reshape(8, 5, 4) for name, boxes in DATA.items()}
    np.testing.assert_allclose(of(loss, several), of(loss, DATA).reshape(8, 5).mean(axis=1))


def test_the_focal_loss_of_middles():
    labels, logits = np.array([[1.0, 0.8, 0.0, 0.0]]), np.array([[0.3, 1.0, -2.0, 0.5]])
    p = 1 / (1 + np.exp(-logits[0]))
    cost = (1 - p[0]) ** 2 * np.log(p[0])
    for y, q in zip(labels[0][1:], p[1:], strict=True):
        cost += (1 - y) ** 4 * q**2 * np.log(1 - q)
    assert_agrees(penalty_reduced_focal, {"labels": labels, "logits": logits}, [-cost])


def test_other_boxes_are_refused():
    with pytest.raises(ValueError, match="4 columns"):
        of(iou, {name: boxes[:, :3] for name, boxes in DATA.items()})
    with pytest.raises(ValueError, match="box"):
        of(iou, DATA, box="xyxy")
