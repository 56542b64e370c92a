"""Registration: two images of one thing, brought into line, and how smooth a displacement is.

Images and volumes are (batch, …places, channels); a displacement field has a channel per axis.
"""

from __future__ import annotations

from itertools import combinations
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast
from tfloss.ops import FLOOR, as_rows, mean_per_example, unit_length

_SAME = ("labels", "prediction")
_IMAGES = {"labels": "images", "prediction": "images"}
_EXAMPLE = "(labels=picture, prediction=drawn"


@tfloss.loss(
    same_shape=_SAME,
    latex=r"1-\frac{\sum(x-\bar x)(y-\bar y)}{\sqrt{\sum(x-\bar x)^2\sum(y-\bar y)^2}}",
    range=(0, 2),
    symmetric=True,
    domains=_IMAGES,
    family="registration",
    example="ncc" + _EXAMPLE + ")",
)
def ncc(labels: Any, prediction: Any) -> Any:
    """Normalised cross-correlation, from one: equal up to brightness and contrast.

    labels, prediction: (batch, …), of one shape.
    Returns (batch,), from 0 to 2; 1 where one of both is even.

    Source: Lewis 1995, "Fast normalized cross-correlation".
    """
    one, two = (_unit(x) for x in (labels, prediction))
    return 1 - tf.reduce_sum(one * two, axis=-1)


def _unit(images: Any) -> Any:
    """Rows of mean zero and length one; an even image becomes 0."""
    rows = as_rows(images)
    apart = rows - tf.reduce_mean(rows, axis=-1, keepdims=True)
    return unit_length(apart)


@tfloss.loss(
    same_shape=_SAME,
    latex=r"1-\mathrm{mean}_\Omega\frac{\mathrm{cov}_\Omega(x,y)^2}{\mathrm{var}_\Omega(x)\,"
    r"\mathrm{var}_\Omega(y)+\epsilon}",
    range=(0, 1),
    symmetric=True,
    domains=_IMAGES,
    family="registration",
    example="local_ncc" + _EXAMPLE + ", window=5)",
)
def local_ncc(
    labels: Any,
    prediction: Any,
    *,
    window: Annotated[int, AtLeast(2)] = 9,
    epsilon: Annotated[float, Above(0)] = 1e-5,
) -> Any:
    """Local cross-correlation (LNCC), squared, from one: likeness window by window.

    labels, prediction: (batch, h, w, c) or (batch, d, h, w, c), numbers around 0 to 1.
    Returns (batch,), from 0 to 1.

    window: side of the window in places, 2 or more; at the border only what lies inside counts.
    epsilon: added to the product of the variances, positive: even windows say nothing.

    Source: Avants et al. 2008, "Symmetric diffeomorphic image registration with cross-correlation",
    as in Balakrishnan et al. 2019, "VoxelMorph", eq. 6.
    """
    axes = list(range(1, len(labels.shape) - 1))
    one, two = (x - tf.reduce_mean(x, axis=axes, keepdims=True) for x in (labels, prediction))
    mean_one, mean_two = _windows(one, window), _windows(two, window)
    cross = _windows(one * two, window) - mean_one * mean_two
    spread = [
        tf.nn.relu(_windows(tf.square(x), window) - tf.square(mean))
        for x, mean in ((one, mean_one), (two, mean_two))
    ]
    # Rounding may leave a covariance that no two variances allow.
    share = tf.minimum(tf.square(cross) / (spread[0] * spread[1] + epsilon), 1)
    return 1 - mean_per_example(share)


def _windows(images: Any, window: int) -> Any:
    """The mean over the window around each place, axis by axis; at a border over what is there."""
    for axis in range(1, len(images.shape) - 1):
        images = _along(images, axis, window) / _along(tf.ones_like(images), axis, window)
    return images


def _along(images: Any, axis: int, window: int) -> Any:
    """Sums over the window along one axis; the even one's middle is the first of its two."""
    length, before = int(images.shape[axis]), (window - 1) // 2
    sides = [[0, 0] for _ in images.shape]
    sides[axis] = [before, window - 1 - before]
    padded = tf.pad(images, sides)
    return sum(_shifted(padded, axis, start, start + length) for start in range(window))


@tfloss.loss(
    same_shape=_SAME,
    latex=r"-\sum_{a,b}p_{ab}\log\frac{p_{ab}}{p_ap_b}",
    symmetric=True,
    domains=_IMAGES,
    family="registration",
    example="mutual_information" + _EXAMPLE + ")",
)
def mutual_information(
    labels: Any,
    prediction: Any,
    *,
    bins: Annotated[int, AtLeast(2)] = 23,
    width: Annotated[float, Above(0)] = 0.5,
) -> Any:
    """Mutual information, negative: one image tells the other, whatever their colours mean.

    labels, prediction: (batch, …), of one shape, numbers from 0 to 1.
    Returns (batch,), in nats, 0 or less; all channels of an image go into one histogram.

    bins: how many lie between 0 and 1, 2 or more.
    width: deviation of the Gaussian window of a bin, in units of the distance of bins, positive.

    Source: Maes et al. 1997, "Multimodality image registration by maximization of mutual
    information"; Viola and Wells 1997, "Alignment by maximization of mutual information"; the
    windows are those of MONAI's GlobalMutualInformationLoss.
    """
    one, two = (_memberships(as_rows(x), bins, width) for x in (labels, prediction))
    count = tf.cast(tf.shape(one)[1], one.dtype)
    joint = tf.matmul(one, two, transpose_a=True) / count
    apart = tf.reduce_sum(joint, axis=2)[:, :, None] * tf.reduce_sum(joint, axis=1)[:, None, :]
    ratio = tf.math.log(tf.maximum(joint, FLOOR**2)) - tf.math.log(tf.maximum(apart, FLOOR**2))
    return -tf.reduce_sum(joint * ratio, axis=[1, 2])


def _memberships(values: Any, bins: int, width: float) -> Any:
    """How much each number belongs to each bin, (batch, numbers, bins); adds up to one."""
    places = tf.linspace(tf.zeros([], values.dtype), tf.ones([], values.dtype), bins)
    apart = (values[..., None] - places) * (bins - 1) / width
    return tf.nn.softmax(-tf.square(apart) / 2)


def _shifted(field: Any, axis: int, start: int, stop: int | None) -> Any:
    """A slice of one axis."""
    return field[tuple([slice(None)] * axis + [slice(start, stop)])]


@tfloss.loss(
    latex=r"\frac1d\sum_a\mathrm{mean}\Bigl(\frac{\partial u}{\partial x_a}\Bigr)^2",
    range=(0, None),
    domains={"field": "maps"},
    family="registration",
    example="0.1*diffusion_energy(conv1)",
)
def diffusion_energy(field: Any) -> Any:
    """Diffusion regulariser: neighbouring places are moved alike.

    field: (batch, …places, channels), a displacement in places, each axis of length 2 or more.
    Returns (batch,): the mean square of differences of neighbours, the mean over axes.

    Source: Balakrishnan et al. 2019, "VoxelMorph: a learning framework for deformable medical
    image registration", eq. 8.
    """
    axes = _axes(field, "diffusion_energy", 2)
    steps = [_shifted(field, axis, 1, None) - _shifted(field, axis, 0, -1) for axis in axes]
    return sum(mean_per_example(tf.square(step)) for step in steps) / len(steps)


@tfloss.loss(
    latex=r"\mathrm{mean}\sum_a\Bigl(\frac{\partial^2u}{\partial x_a^2}\Bigr)^2"
    r"+2\sum_{a<b}\Bigl(\frac{\partial^2u}{\partial x_a\partial x_b}\Bigr)^2",
    range=(0, None),
    domains={"field": "maps"},
    family="registration",
    example="0.1*bending_energy(conv1)",
)
def bending_energy(field: Any) -> Any:
    """Bending energy of a thin plate: a displacement that is affine costs nothing.

    field: (batch, …places, channels), a displacement in places, each axis of length 3 or more.
    Returns (batch,): the mean over inner places and channels, by central differences.

    Source: Rueckert et al. 1999, "Nonrigid registration using free-form deformations: application
    to breast MR images", eq. 8.
    """
    axes = _axes(field, "bending_energy", 3)
    inner = {axis: _shifted(field, axis, 1, -1) for axis in axes}
    total: Any = 0.0
    for axis in axes:
        bent = _shifted(field, axis, 2, None) - 2 * inner[axis] + _shifted(field, axis, 0, -2)
        total += tf.square(_inside(bent, [other for other in axes if other != axis]))
    for one, two in combinations(axes, 2):
        slope = (_shifted(field, one, 2, None) - _shifted(field, one, 0, -2)) / 2
        mixed = (_shifted(slope, two, 2, None) - _shifted(slope, two, 0, -2)) / 2
        total += 2 * tf.square(_inside(mixed, [a for a in axes if a not in (one, two)]))
    return mean_per_example(total)


def _inside(field: Any, axes: list[int]) -> Any:
    """Without the first and the last place of these axes."""
    for axis in axes:
        field = _shifted(field, axis, 1, -1)
    return field


def _axes(field: Any, loss: str, shortest: int) -> list[int]:
    axes = list(range(1, len(field.shape) - 1))
    if not axes or any((field.shape[axis] or shortest) < shortest for axis in axes):
        raise ValueError(
            f"'{loss}' needs (batch, places, …, channels) with {shortest} places or more on each "
            f"axis but 'field' has shape {tuple(field.shape)}."
        )
    return axes


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [ncc, local_ncc, mutual_information, diffusion_energy, bending_energy]
