"""Distillation of feature maps: what the teacher's channels say, and where.

teacher_maps, maps: (batch, …, k), a layer of the teacher and one of the student, of one shape; what
lies between the first axis and the last are places.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, Interval
from tfloss.ops import as_distribution, log_probs, mean_per_example, unit_length

_SAME = ("teacher_maps", "maps")
_EXAMPLE = "(teacher.conv1, conv1)"


def _places(maps: Any) -> Any:
    """(batch, …, channels) as (batch, places, channels)."""
    return tf.reshape(maps, [-1, maps.shape[1:-1].num_elements(), maps.shape[-1]])


@tfloss.loss(
    same_shape=_SAME,
    latex=r"\frac{T^2}k\sum_c\mathrm{KL}\bigl(\mathrm{softmax}_u(t_{uc}/T)\,\Vert\,"
    r"\mathrm{softmax}_u(s_{uc}/T)\bigr)",
    range=(0, None),
    zero_at_optimum=True,
    family="distillation",
    example="ce + channel_wise" + _EXAMPLE,
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
        tf.nn.log_softmax(_places(x) / temperature, axis=1) for x in (teacher_maps, maps)
    )
    divergence = tf.reduce_sum(tf.exp(log_q) * (log_q - log_p), axis=1)
    return temperature**2 * tf.reduce_mean(divergence, axis=-1)


def _standardised(maps: Any) -> Any:
    """Each channel of an example of mean 0 and deviation 1 over its places; an even one "
    "becomes 0."""
    places = _places(maps)
    apart = places - tf.reduce_mean(places, axis=1, keepdims=True)
    square = tf.reduce_mean(tf.square(apart), axis=1, keepdims=True)
    # What rounding leaves of an even channel is no pattern.
    size = tf.reduce_mean(tf.square(places), axis=1, keepdims=True)
    even = square <= 1e-12 * (1 + size)
    scaled = apart * tf.math.rsqrt(tf.where(even, tf.ones_like(square), square))
    return tf.where(even, tf.zeros_like(scaled), scaled)


@tfloss.loss(
    same_shape=_SAME,
    latex=r"\tfrac12\mathrm{mean}(\hat t-\hat s)^2=1-\rho(t,s)",
    range=(0, 2),
    zero_at_optimum=True,
    family="distillation",
    example="ce + pearson_maps" + _EXAMPLE,
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
    same_shape=_SAME,
    latex=r"\mathrm{mean}\,[t>0][s\le m](s-m)^2+[t\le0][s>-m](s+m)^2",
    range=(0, None),
    family="distillation",
    kinks=("a teacher's value is 0",),
    example="ce + activation_boundary" + _EXAMPLE,
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
    same_shape=_SAME,
    latex=r"\mathrm{mean}\,[s>\sigma_m(t)\vee t>0]\,(\sigma_m(t)-s)^2,\ \sigma_m(t)=\max(t,m)",
    range=(0, None),
    family="distillation",
    kinks=("a teacher's value is 0 or the margin",),
    example="ce + overhaul" + _EXAMPLE,
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


@tfloss.loss(
    same_shape=_SAME,
    latex=r"\mathrm{mean}_u\Bigl\Vert\frac{t}{\Vert t\Vert}-\frac{s}{\Vert s\Vert}\Bigr\Vert^2",
    range=(0, 4),
    zero_at_optimum=True,
    symmetric=True,
    family="distillation",
    example="ce + factor_match" + _EXAMPLE,
)
def factor_match(teacher_maps: Any, maps: Any) -> Any:
    """Factor transfer: the factors of both, brought to length one, are alike.

    teacher_maps, maps: (batch, …, k), for example the teacher's paraphraser and the student's
    translator, layers that you train.
    Returns (batch,): the squared distance of whole examples of length one.

    Source: Kim, Park and Kwak 2018, "Paraphrasing complex network: network compression via factor
    transfer", eq. 3 with the squared norm.
    """
    one, two = (unit_length(tf.reshape(x, [tf.shape(x)[0], -1])) for x in (teacher_maps, maps))
    return tf.reduce_sum(tf.math.squared_difference(one, two), axis=-1)


@tfloss.loss(
    same_shape=_SAME,
    latex=r"\sum_{l\in\{h,4,2,1\}}w_l\,\mathrm{mean}\bigl(P_l(t)-P_l(s)\bigr)^2\Big/\sum_lw_l,"
    r"\ w=1,\tfrac12,\tfrac14,\tfrac18",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    domains={"teacher_maps": "wide_maps", "maps": "wide_maps"},
    family="distillation",
    example="ce + hierarchical_context(teacher.conv1, conv1)",
)
def hierarchical_context(teacher_maps: Any, maps: Any) -> Any:
    """Hierarchical context loss of knowledge review: maps, and their means on grids of 4, 2 and 1.

    teacher_maps, maps: (batch, height, width, k); a grid finer than the map is left out.
    Returns (batch,): the weighted mean of the mean squared differences.

    Source: Chen et al. 2021, "Distilling knowledge via knowledge review", the HCL.
    """
    if len(maps.shape) != 4:
        raise ValueError(f"'maps' must be (batch, height, width, k), not {tuple(maps.shape)}.")
    total, weight, weights = 0.0, 1.0, 0.0
    for grid in (None, 4, 2, 1):
        if grid is not None and grid >= min(maps.shape[1], maps.shape[2]):
            continue
        one, two = (x if grid is None else _on_grid(x, grid) for x in (teacher_maps, maps))
        total += weight * mean_per_example(tf.math.squared_difference(one, two))
        weights += weight
        weight /= 2
    return total / weights


def _on_grid(maps: Any, grid: int) -> Any:
    """Means over grid x grid cells, which overlap by a pixel where the size does not divide."""

    def edges(size: int) -> list[tuple[int, int]]:
        return [(cell * size // grid, -(-(cell + 1) * size // grid)) for cell in range(grid)]

    rows = [tf.reduce_mean(maps[:, a:b], axis=1) for a, b in edges(maps.shape[1])]
    by_row = tf.stack(rows, axis=1)
    cells = [tf.reduce_mean(by_row[:, :, a:b], axis=2) for a, b in edges(maps.shape[2])]
    return tf.stack(cells, axis=2)


@tfloss.loss(
    same_shape=_SAME,
    latex=r"\mathrm{mean}_{cd}(\hat t_c^\top\hat t_d)^2+(\hat s_c^\top\hat s_d)^2-2(\hat t_c^"
    r"\top\hat s_d)^2",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    family="distillation",
    example="ce + neuron_selectivity" + _EXAMPLE,
)
def neuron_selectivity(teacher_maps: Any, maps: Any) -> Any:
    """Neuron selectivity transfer (NST): the channels' patterns have one distribution, by MMD.

    teacher_maps, maps: (batch, …, k).
    Returns (batch,): the squared maximum mean discrepancy with the polynomial kernel (x·y)² between
    both sets of channels, each of length one over the places.

    Source: Huang and Wang 2017, "Like what you like: knowledge distill via neuron selectivity
    transfer", eq. 7.
    """
    one, two = (unit_length(_places(x), axis=1) for x in (teacher_maps, maps))

    def kernel(a: Any, b: Any) -> Any:
        return mean_per_example(tf.square(tf.matmul(a, b, transpose_a=True)))

    return tf.nn.relu(kernel(one, one) + kernel(two, two) - 2 * kernel(one, two))


@tfloss.loss(
    same_shape=("labels", "teacher", "logits"),
    latex=r"\Bigl(1-e^{-\ell_s/\ell_t}\Bigr)\,T^2\,\mathrm{CE}(q^{(T)},p^{(T)})",
    range=(0, None),
    family="distillation",
    exempt={"gradient equals finite differences": "the weight is a constant in the gradient"},
    example="ce + 2*weighted_soft_labels(temperature=2)",
)
def weighted_soft_labels(
    labels: Any, teacher: Any, logits: Any, *, temperature: Annotated[float, Above(0)] = 2.0
) -> Any:
    """Weighted soft labels (WSLD): the teacher counts less where the student knows better.

    labels: (batch, 1) or one-hot (batch, C).  teacher: same shape, probabilities; below 1e-7 they
    count as 1e-7.  logits: same shape.
    Returns (batch,), in nats times temperature²; no gradient flows through the weight.

    temperature: T, of both in the cross-entropy.

    Source: Zhou et al. 2021, "Rethinking soft labels for knowledge distillation: a bias-variance
    tradeoff perspective", eq. 13 and 14.
    """
    truth = as_distribution(labels)
    log_q = tf.math.log(tf.maximum(as_distribution(teacher), 1e-7))
    ours = -tf.reduce_sum(truth * log_probs(logits), axis=-1)
    theirs = -tf.reduce_sum(truth * log_q, axis=-1)
    weight = tf.stop_gradient(-tf.math.expm1(-ours / tf.maximum(theirs, 1e-7)))
    soft = tf.nn.softmax(log_q / temperature)
    cross = -tf.reduce_sum(soft * log_probs(logits / temperature), axis=-1)
    return weight * temperature**2 * cross


@tfloss.loss(
    same_shape=("teacher", "logits"),
    latex=r"\beta\,\mathrm{KL}(q\Vert m)+(1-\beta)\,\mathrm{KL}(p\Vert m),\ m=\beta q+(1-\beta)p",
    range=(0, None),
    zero_at_optimum=True,
    family="distillation",
    example="generalised_js(beta=0.1)",
)
def generalised_js(
    teacher: Any, logits: Any, *, beta: Annotated[float, Interval(0, 1, "neither")] = 0.5
) -> Any:
    """Generalised Jensen-Shannon divergence of on-policy distillation (GKD).

    teacher: (batch, 1) or (batch, C), probabilities.  logits: same shape.
    Returns (batch,), in nats.

    beta: β, the teacher's share of the mixture, in (0, 1); near 0 it behaves as kl of teacher and
        student, near 1 the other way round, each times β(1 - β).

    Source: Agarwal et al. 2024, "On-policy distillation of language models: learning from
    self-generated mistakes", eq. 1.
    """
    log_p = log_probs(logits)
    q = as_distribution(teacher)
    log_q = tf.math.log(tf.maximum(q, 1e-30))
    log_m = tf.reduce_logsumexp(
        tf.stack([log_q + math.log(beta), log_p + math.log(1 - beta)]), axis=0
    )
    first = tf.reduce_sum(q * (log_q - log_m), axis=-1)
    second = tf.reduce_sum(tf.exp(log_p) * (log_p - log_m), axis=-1)
    return tf.nn.relu(beta * first + (1 - beta) * second)


@tfloss.loss(
    same_shape=("teacher", "logits"),
    latex=r"\sum_i|q_{(i)}-p_{(i)}|",
    range=(0, 2),
    zero_at_optimum=True,
    kinks=("two sorted probabilities are equal",),
    family="distillation",
    example="ce + universal_logit",
)
def universal_logit(teacher: Any, logits: Any) -> Any:
    """Universal logit distillation (ULD): sorted probabilities, where the classes have other names.

    teacher: (batch, 1) or (batch, C), probabilities.  logits: same shape; pad the narrower with
    probabilities of 0 (logits far below).
    Returns (batch,): the Wasserstein distance with unit cost, the sum over sorted classes.

    Source: Boizard et al. 2024, "Towards cross-tokenizer distillation: the universal logit
    distillation loss for LLMs".
    """
    both = (as_distribution(teacher), tf.exp(log_probs(logits)))
    one, two = (tf.sort(x, axis=-1) for x in both)
    return tf.reduce_sum(tf.abs(one - two), axis=-1) + 0 * tf.reduce_sum(both[0], axis=-1)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [
        channel_wise,
        pearson_maps,
        activation_boundary,
        overhaul,
        factor_match,
        hierarchical_context,
        neuron_selectivity,
        weighted_soft_labels,
        generalised_js,
        universal_logit,
    ]
