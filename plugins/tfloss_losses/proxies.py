"""Proxies: each class has one vector or several, and examples are compared with those alone.

As in prototypes.py the vectors are held by the loss, trained, saved and restored with the
objective. No pairs are formed, so memory grows with batch times classes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, Interval
from tfloss.ops import (
    as_distribution,
    as_rows,
    log_sum,
    root,
    same_shape,
    unit_length,
    weighted_mean,
    weighted_rows,
)
from tfloss_losses.prototypes import with_angular_margin

_ANY = {"embedding": "numbers*any"}


def _sizes(shapes: Mapping[str, Any]) -> tuple[int, int]:
    return max(shapes["labels"][-1], 2), math.prod(shapes["embedding"][1:])


def _one_each(shapes: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    del settings
    return {"proxies": tfloss.LossVariable(_sizes(shapes), "glorot_uniform")}


def _several_each(shapes: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    classes, width = _sizes(shapes)
    shape = (classes, int(settings["centres"]), width)
    return {"proxies": tfloss.LossVariable(shape, "glorot_uniform")}


def _cosines(labels: Any, embedding: Any, proxies: Any) -> tuple[Any, Any]:
    """Who is of which class, (batch, C), and the cosine to each proxy, (batch, C) or (b, C, K)."""
    rows = as_rows(embedding)
    same_shape(labels=labels[:, 0], embedding=rows[:, 0])
    members = as_distribution(labels)
    cosines = tf.tensordot(unit_length(rows), unit_length(proxies), axes=[[-1], [-1]])
    same_shape(labels=members, proxies=cosines[:, :, 0] if len(cosines.shape) > 2 else cosines)
    return members, cosines


@tfloss.loss(
    latex=r"d(x,p_y)+\log\sum_{c\ne y}e^{-d(x,p_c)},\ d(x,p)=s\Vert\hat x-\hat p\Vert^2",
    family="representation",
    domains=_ANY,
    state=_one_each,
    example="proxy_nca(embedding=hidden2)",
)
def proxy_nca(
    labels: Any, embedding: Any, *, scale: Annotated[float, Above(0)] = 1.0, state: Any
) -> Any:
    """Proxy-NCA: an example is nearer to its class's proxy than to all others.

    labels: (batch, 1), or one-hot (batch, C).
    embedding: (batch, …), of any width k; brought to length one, as the proxies are.
    Returns (batch,), in nats; it may be negative, as the own class is not in the sum.

    scale: s, what squared distances are multiplied by, positive.

    Held: proxies, (C, k), trained with the student.

    Source: Movshovitz-Attias et al. 2017, "No fuss distance metric learning using proxies", eq. 4;
    with the own class in the sum it is Proxy-NCA++, which is cosface(margin=0).
    """
    members, cosines = _cosines(labels, embedding, state["proxies"])
    distance = scale * (2 - 2 * cosines)
    own = tf.reduce_sum(members * distance, axis=-1)
    return own + log_sum(-distance, 1 - members)


@tfloss.loss(
    per="batch",
    latex=r"\frac1{|P^+|}\sum_{p\in P^+}\log\Bigl(1+\sum_{x\in p}e^{-\alpha(s(x,p)-\delta)}\Bigr)"
    r"+\frac1{|P|}\sum_p\log\Bigl(1+\sum_{x\notin p}e^{\alpha(s(x,p)+\delta)}\Bigr)",
    range=(0, None),
    family="representation",
    domains=_ANY,
    state=_one_each,
    example="proxy_anchor(embedding=hidden2)",
)
def proxy_anchor(
    labels: Any,
    embedding: Any,
    sample_weight: Any = None,
    *,
    alpha: Annotated[float, Above(0)] = 32.0,
    margin: Annotated[float, AtLeast(0)] = 0.1,
    state: Any,
) -> Any:
    """Proxy anchor: each proxy pulls its hardest examples most and pushes the nearest others.

    labels: (batch, 1), or one-hot (batch, C).  embedding: (batch, …), of any width k.
    sample_weight: (batch,), or None for all ones; an example counts so often in the sums.
    Returns a scalar, in nats; 0 for a batch without weight.

    alpha: how sharply examples compete, positive.
    margin: δ, of cosines, 0 or more.

    Held: proxies, (C, k), trained with the student.

    Source: Kim et al. 2020, "Proxy anchor loss for deep metric learning", eq. 4.
    """
    (given, rows), weight = weighted_rows(sample_weight, labels=labels, embedding=embedding)
    members, cosines = _cosines(given, rows, state["proxies"])
    like, unlike = (weight[:, None] * share for share in (members, 1 - members))
    pull = tf.nn.softplus(log_sum(*map(tf.transpose, (-alpha * (cosines - margin), like))))
    push = tf.nn.softplus(log_sum(*map(tf.transpose, (alpha * (cosines + margin), unlike))))
    seen = tf.cast(tf.reduce_sum(like, axis=0) > 0, cosines.dtype)
    return weighted_mean(pull, seen) + tf.reduce_mean(push)


@tfloss.loss(
    latex=r"-\log\frac{e^{\lambda(S_y-\delta)}}{e^{\lambda(S_y-\delta)}+\sum_{c\ne y}e^{\lambda "
    r"S_c}}+\tau R,\ S_c=\sum_k\mathrm{softmax}_k\bigl(\tfrac1\gamma x^\top w_c^k\bigr)x^\top "
    r"w_c^k",
    range=(0, None),
    family="representation",
    domains=_ANY,
    state=_several_each,
    example="soft_triple(embedding=hidden2, centres=4)",
)
def soft_triple(
    labels: Any,
    embedding: Any,
    *,
    centres: Annotated[int, AtLeast(1)] = 10,
    scale: Annotated[float, Above(0)] = 20.0,
    gamma: Annotated[float, Above(0)] = 0.1,
    margin: Annotated[float, AtLeast(0)] = 0.01,
    regularisation: Annotated[float, AtLeast(0)] = 0.2,
    state: Any,
) -> Any:
    """SoftTriple: a class has several centres, of which the nearest count.

    labels: (batch, 1), or one-hot (batch, C).  embedding: (batch, …), of any width k.
    Returns (batch,), in nats; each example's value holds the regulariser.

    centres: K, how many a class has, 1 or more.
    scale: λ, what similarities are multiplied by, positive.
    gamma: how softly a class's centres are weighed, positive.
    margin: δ, 0 or more.
    regularisation: τ, the weight of the mean distance between a class's own centres, 0 or more: it
    lets those merge that are not needed.

    Held: proxies, (C, K, k), trained with the student.

    Source: Qian et al. 2019, "SoftTriple loss: deep metric learning without triplet sampling",
    eq. 6 and 8; the defaults are those of the authors' code.
    """
    members, cosines = _cosines(labels, embedding, state["proxies"])
    nearness = tf.reduce_sum(tf.nn.softmax(cosines / gamma, axis=-1) * cosines, axis=-1)
    log_p = tf.nn.log_softmax(scale * (nearness - margin * members))
    lost = -tf.reduce_sum(members * log_p, axis=-1)
    return lost + regularisation * _spread(unit_length(state["proxies"]))


def _spread(centres: Any) -> Any:
    """The mean distance between centres of one class; 0 for a single one.  centres: (C, K, k)."""
    if centres.shape[1] == 1:
        return tf.zeros([], centres.dtype)
    product = tf.matmul(centres, centres, transpose_b=True)
    distance = root(tf.maximum(2 - 2 * product, 0))
    pairs = tf.linalg.set_diag(tf.ones_like(product), tf.zeros_like(product[:, 0]))
    return weighted_mean(distance, pairs)


@tfloss.loss(
    latex=r"-\log\frac{e^{s\cos(\theta_y+m)}}{e^{s\cos(\theta_y+m)}+\sum_{c\ne y}e^{s\cos\theta_c}}"
    r",\ \cos\theta_c=\max_k\cos\theta_{ck}",
    range=(0, None),
    kinks=("two centres of a class are equally near", "theta_y + margin == pi"),
    family="representation",
    domains=_ANY,
    state=_several_each,
    example="sub_centre_arcface(embedding=hidden2)",
)
def sub_centre_arcface(
    labels: Any,
    embedding: Any,
    *,
    centres: Annotated[int, AtLeast(1)] = 3,
    margin: Annotated[float, Interval(0, math.pi / 2, "left")] = 0.5,
    scale: Annotated[float, Above(0)] = 64.0,
    state: Any,
) -> Any:
    """Sub-centre ArcFace: ArcFace with several directions a class, so that noise gets its own.

    labels: (batch, 1), or one-hot (batch, C).  embedding: (batch, …), of any width k.
    Returns (batch,), in nats.

    centres: K, directions a class has, 1 or more; one is arcface.
    margin: m, an angle in radians, in [0, π/2).
    scale: s, what cosines are multiplied by; positive.

    Held: proxies, (C, K, k), trained with the student.

    Source: Deng et al. 2020, "Sub-center ArcFace: boosting face recognition by large-scale noisy
    web faces".
    """
    members, all_cosines = _cosines(labels, embedding, state["proxies"])
    cosines = tf.reduce_max(all_cosines, axis=-1)
    return with_angular_margin(members, cosines, margin, scale)


@tfloss.loss(
    latex=r"-\log\frac{e^{\Vert x\Vert\psi(\theta_y)}}{e^{\Vert x\Vert\psi(\theta_y)}+\sum_{c\ne y}"
    r"e^{\Vert x\Vert\cos\theta_c}},\ \psi(\theta)=(-1)^k\cos m\theta-2k",
    range=(0, None),
    family="representation",
    domains=_ANY,
    state=_one_each,
    example="sphereface(embedding=hidden2)",
)
def sphereface(
    labels: Any, embedding: Any, *, margin: Annotated[int, AtLeast(1)] = 4, state: Any
) -> Any:
    """SphereFace (A-softmax): the angle to the class's direction counts several times.

    labels: (batch, 1), or one-hot (batch, C).
    embedding: (batch, …), of any width k; its length scales the cosines.
    Returns (batch,), in nats.

    margin: m, how many times the angle counts, a whole number, 1 or more.

    Held: proxies, (C, k), the classes' directions, trained with the student.

    Source: Liu et al. 2017, "SphereFace: deep hypersphere embedding for face recognition", eq. 7.
    """
    members, cosines = _cosines(labels, embedding, state["proxies"])
    rows = as_rows(embedding)
    length = root(tf.reduce_sum(tf.square(rows), axis=-1, keepdims=True))
    harder = members * _multiplied(cosines, margin) + (1 - members) * cosines
    return -tf.reduce_sum(members * tf.nn.log_softmax(length * harder), axis=-1)


def _multiplied(cosines: Any, times: int) -> Any:
    """ψ(θ), which falls from 1 at 0 to 1 - 2m at π; cos mθ is Chebyshev's polynomial of cos θ."""
    before, now = tf.ones_like(cosines), cosines
    for _ in range(times - 1):
        before, now = now, 2 * cosines * now - before
    borders = [math.cos(part * math.pi / times) for part in range(1, times)]
    turns = sum((tf.cast(cosines < border, cosines.dtype) for border in borders), 0 * cosines)
    return (1 - 2 * (turns % 2)) * now - 2 * turns


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [proxy_nca, proxy_anchor, soft_triple, sub_centre_arcface, sphereface]
