"""Maps of a teacher and a student, place by place or channel by channel."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above
from tfloss.ops import mean_per_example
from tfloss_losses.feature_maps.common import EXAMPLE, SAME, as_places


@tfloss.loss(
    same_shape=SAME,
    latex=r"\frac{T^2}k\sum_c\mathrm{KL}\bigl(\mathrm{softmax}_u(t_{uc}/T)\,\Vert\,"
    r"\mathrm{softmax}_u(s_{uc}/T)\bigr)",
    range=(0, None),
    zero_at_optimum=True,
    family="distillation",
    example="ce + channel_wise" + EXAMPLE,
)
def channel_wise(
    teacher_maps: Any, maps: Any, *, temperature: Annotated[float, Above(0)] = 4.0
) -> Any:
    """Channel-wise distillation (CWD): where each channel looks, as a distribution over places.

    teacher_maps, maps: (batch, …, k).
    Returns (batch,), in nats times temperature²: the mean over channels.

    temperature: T, of both softmaxes.

    Source: Shu et al. 2021, "Channel-wise knowledge distillation for dense prediction", eq. 4.
    """
    log_q, log_p = (
        tf.nn.log_softmax(as_places(x) / temperature, axis=1) for x in (teacher_maps, maps)
    )
    divergence = tf.reduce_sum(tf.exp(log_q) * (log_q - log_p), axis=1)
    return temperature**2 * tf.reduce_mean(divergence, axis=-1)


def _standardised(maps: Any) -> Any:
    """Each channel of an example of mean 0 and deviation 1 over its places; an even one "
    "becomes 0."""
    places = as_places(maps)
    apart = places - tf.reduce_mean(places, axis=1, keepdims=True)
    square = tf.reduce_mean(tf.square(apart), axis=1, keepdims=True)
    # What rounding leaves of an even channel is no pattern.
    size = tf.reduce_mean(tf.square(places), axis=1, keepdims=True)
    even = square <= 1e-12 * (1 + size)
    scaled = apart * tf.math.rsqrt(tf.where(even, tf.ones_like(square), square))
    return tf.where(even, tf.zeros_like(scaled), scaled)


@tfloss.loss(
    same_shape=SAME,
    latex=r"\tfrac12\mathrm{mean}(\hat t-\hat s)^2=1-\rho(t,s)",
    range=(0, 2),
    zero_at_optimum=True,
    family="distillation",
    example="ce + pearson_maps" + EXAMPLE,
)
def pearson_maps(teacher_maps: Any, maps: Any) -> Any:
    """Distillation by Pearson's correlation (PKD): each channel's pattern, whatever its scale.

    teacher_maps, maps: (batch, …, k).
    Returns (batch,): the mean over channels of one minus the correlation over an example's places;
    for an even channel half or nothing. (The paper standardises over the batch as well.)

    Source: Cao et al. 2022, "PKD: general distillation framework for object detectors via Pearson
    correlation coefficient".
    """
    one, two = _standardised(teacher_maps), _standardised(maps)
    return mean_per_example(tf.math.squared_difference(one, two)) / 2


@tfloss.loss(
    same_shape=SAME,
    latex=r"\mathrm{mean}\,[t>0][s\le m](s-m)^2+[t\le0][s>-m](s+m)^2",
    range=(0, None),
    family="distillation",
    kinks=("a teacher's value is 0",),
    example="ce + activation_boundary" + EXAMPLE,
)
def activation_boundary(
    teacher_maps: Any, maps: Any, *, margin: Annotated[float, Above(0)] = 1.0
) -> Any:
    """Activation boundaries (AB): the student's units are on where the teacher's are, by a margin.

    teacher_maps, maps: (batch, …, k), before the activation.
    Returns (batch,): the mean over places and channels.

    margin: m, of the student's values.

    Source: Heo et al. 2019, "Knowledge transfer via distillation of activation boundaries formed by
    hidden neurons", eq. 6.
    """
    on = tf.where(teacher_maps > 0, tf.ones_like(maps), 0 * teacher_maps)
    low, high = tf.square(tf.nn.relu(margin - maps)), tf.square(tf.nn.relu(maps + margin))
    return mean_per_example(on * low + (1 - on) * high)


@tfloss.loss(
    same_shape=SAME,
    latex=r"\mathrm{mean}\,[s>\sigma_m(t)\vee t>0]\,(\sigma_m(t)-s)^2,\ \sigma_m(t)=\max(t,m)",
    range=(0, None),
    family="distillation",
    kinks=("a teacher's value is 0 or the margin",),
    example="ce + overhaul" + EXAMPLE,
)
def overhaul(teacher_maps: Any, maps: Any, *, margin: float = -0.5) -> Any:
    """Overhaul of feature distillation (OFD): negative values of the teacher only from above.

    teacher_maps, maps: (batch, …, k), before the activation.
    Returns (batch,): the mean over places and channels; nothing is asked where both are below the
    teacher's value after its margin ReLU, and the teacher's is not positive.

    margin: m, not above 0: what the teacher's lower values count as (the paper: the mean of its
        negative ones, channel by channel).

    Source: Heo et al. 2019, "A comprehensive overhaul of feature distillation", eq. 2 and 3.
    """
    if margin > 0:
        raise ValueError(f"The setting 'margin' is {margin} but must not be above 0.")
    target = tf.maximum(teacher_maps, margin)
    asked = tf.cast((maps > target) | (teacher_maps > 0), maps.dtype)
    return mean_per_example(asked * tf.math.squared_difference(target, maps))
