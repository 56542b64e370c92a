"""Image losses against tf.image and the papers' equations."""

from __future__ import annotations

import numpy as np
import pytest

from tfloss import tf
from tfloss_losses import images
from tfloss_losses.images import (
    edge_aware_smoothness,
    focal_frequency,
    gradient_difference,
    image_total_variation,
    ms_ssim,
    psnr,
    scale_invariant_log,
    ssim,
    style,
)

from .checks import of
from .oracles import assert_agrees, assert_passes_the_kit

RANDOM = np.random.default_rng(0)
A = RANDOM.uniform(size=(3, 20, 17, 2))
B = np.clip(A + 0.2 * RANDOM.normal(size=A.shape), 0, 1)
DATA = {"labels": A, "prediction": B}


@pytest.mark.parametrize(
    "loss", [loss for loss in images.tfloss_losses() if loss is not ms_ssim], ids=str
)
def test_the_kit(loss):
    # A thousand pixels one by one take a minute; `tfloss check` does it, and samples are below.
    assert_passes_the_kit(loss, without="gradient equals finite differences")


@pytest.mark.parametrize("loss", [ssim, gradient_difference, psnr, scale_invariant_log], ids=str)
def test_gradients_at_a_few_pixels(loss):
    image = tf.Variable(B[:1] + 0.1)
    with tf.GradientTape() as tape:
        value = loss(tf.constant(A[:1] + 0.1), image)
    slopes = tape.gradient(value, image).numpy()
    for index in [(0, 0, 0, 0), (0, 7, 8, 1), (0, 19, 16, 0)]:
        sides = []
        for step in (1e-6, -1e-6):
            moved = B[:1] + 0.1
            moved[index] += step
            sides.append(of(loss, {"labels": A[:1] + 0.1, "prediction": moved})[0])
        assert slopes[index] == pytest.approx((sides[0] - sides[1]) / 2e-6, rel=1e-4, abs=1e-8)


@pytest.mark.parametrize("window", [11, 7])
def test_ssim_is_tensorflows(window):
    theirs = tf.image.ssim(tf.constant(A), tf.constant(B), 1.0, filter_size=window)
    # Theirs is computed in float32.
    assert_agrees(ssim, DATA, 1 - theirs.numpy(), rtol=1e-5, window=window)


def test_ssim_window_by_window():
    weights = np.exp(-((np.arange(7) - 3) ** 2) / (2 * 1.5**2))
    kernel = np.outer(weights, weights) / weights.sum() ** 2
    found = []
    for i, j, c in np.ndindex(14, 11, 2):
        x, y = A[0, i : i + 7, j : j + 7, c], B[0, i : i + 7, j : j + 7, c]
        mx, my = np.sum(kernel * x), np.sum(kernel * y)
        vx, vy = np.sum(kernel * (x - mx) ** 2), np.sum(kernel * (y - my) ** 2)
        cov = np.sum(kernel * (x - mx) * (y - my))
        found.append(
            (2 * mx * my + 1e-4) * (2 * cov + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4))
        )
    one = {name: image[:1] for name, image in DATA.items()}
    assert_agrees(ssim, one, [1 - np.mean(found)], window=7)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_even_images_have_a_finite_gradient(level):
    """tensorflow#57353: that of tf.image.ssim_multiscale is NaN."""
    even = tf.Variable(np.full((1, 180, 180, 1), level, np.float32))
    for loss in (ssim, ms_ssim):
        with tf.GradientTape() as tape:
            value = loss(tf.constant(even), even)
        assert abs(float(value[0])) < 1e-5
        assert np.all(np.isfinite(tape.gradient(value, even)))


def test_ms_ssim_is_tensorflows():
    a = RANDOM.uniform(size=(2, 176, 176, 1))
    b = np.clip(a + 0.1 * RANDOM.normal(size=a.shape), 0, 1)
    theirs = tf.image.ssim_multiscale(tf.constant(a), tf.constant(b), 1.0).numpy()
    # Theirs loses three digits of the variance of the coarsest scale, in float32.
    assert_agrees(ms_ssim, {"labels": a, "prediction": b}, 1 - theirs, rtol=1e-3)


def test_ms_ssims_gradient_is_its_slope():
    data = {"labels": A[:1], "prediction": B[:1]}
    settings = {"window": 3, "scales": [0.4, 0.6]}
    image = tf.Variable(B[:1])
    with tf.GradientTape() as tape:
        value = ms_ssim(tf.constant(A[:1]), image, **settings)
    slopes = tape.gradient(value, image).numpy()
    for index in [(0, 0, 0, 0), (0, 7, 8, 1), (0, 19, 16, 0)]:
        sides = []
        for step in (1e-6, -1e-6):
            moved = B[:1].copy()
            moved[index] += step
            sides.append(of(ms_ssim, data | {"prediction": moved}, **settings)[0])
        assert slopes[index] == pytest.approx((sides[0] - sides[1]) / 2e-6, rel=1e-4, abs=1e-8)


def test_psnr_and_total_variation_are_tensorflows():
    theirs = tf.image.psnr(tf.constant(A), tf.constant(B), 1.0).numpy()
    assert_agrees(psnr, DATA, -theirs, rtol=1e-5)
    theirs = tf.image.total_variation(tf.constant(A)).numpy()
    assert_agrees(image_total_variation, {"image": A}, theirs / A[0].size)


def test_edges():
    expected = sum(
        np.abs(np.abs(np.diff(A, axis=axis)) - np.abs(np.diff(B, axis=axis))).mean(axis=(1, 2, 3))
        for axis in (1, 2)
    )
    assert_agrees(gradient_difference, DATA, expected)
    expected = sum(
        (
            np.abs(np.diff(B[..., :1], axis=axis))
            * np.exp(-np.abs(np.diff(A, axis=axis)).mean(axis=3, keepdims=True))
        ).mean(axis=(1, 2, 3))
        for axis in (1, 2)
    )
    assert_agrees(edge_aware_smoothness, {"disparity": B[..., :1], "image": A}, expected)


def test_eigens_scale_invariant_error():
    d = (np.log(A + 0.1) - np.log(B + 0.1)).reshape(3, -1)
    n = d.shape[1]
    expected = (d**2).sum(axis=1) / n - 0.85 * d.sum(axis=1) ** 2 / n**2
    given = {name: image + 0.1 for name, image in DATA.items()}
    assert_agrees(scale_invariant_log, given, expected, share=0.85)
    scaled = given | {"prediction": 7 * given["labels"]}
    assert of(scale_invariant_log, scaled, share=1.0) == pytest.approx(0, abs=1e-12)


def test_style_is_the_difference_of_gram_matrices():
    grams = [np.einsum("bijc,bijd->bcd", x, x) / 340 for x in (A, B)]
    expected = ((grams[0] - grams[1]) ** 2).mean(axis=(1, 2))
    assert_agrees(style, {"first_maps": A, "second_maps": B}, expected)


def test_focal_frequency_is_numpys_spectrum():
    power = np.abs(np.fft.fft2(A - B, axes=(1, 2), norm="ortho")) ** 2
    weight = power**0.75 / (power**0.75).max(axis=(1, 2), keepdims=True)
    assert_agrees(focal_frequency, DATA, (weight * power).mean(axis=(1, 2, 3)), alpha=1.5)


def test_small_and_flat_images_are_refused():
    with pytest.raises(ValueError, match="176 pixels"):
        of(ms_ssim, DATA)
    with pytest.raises(ValueError, match="height"):
        of(ssim, {"labels": A[..., 0], "prediction": B[..., 0]})
