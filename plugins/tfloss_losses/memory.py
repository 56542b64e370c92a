"""Pairs with earlier batches, triplets that the data name, and one class around a centre."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import AtLeast, Interval
from tfloss.ops import (
    as_distribution,
    as_rows,
    root,
    same_shape,
    unit_length,
    weighted_mean,
    weighted_rows,
)


@tfloss.loss(
    same_shape=("anchor", "positive", "negative"),
    latex=r"\max\bigl(0,\Vert a-p\Vert-\Vert a-n\Vert+m\bigr)",
    range=(0, None),
    kinks=("two of the three coincide", "the margin is just kept"),
    family="representation",
    example="triplet_margin(hidden1, hidden2, slope)",
)
def triplet_margin(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    margin: Annotated[float, AtLeast(0)] = 1.0,
    swap: bool = False,
) -> Any:
    """Triplet margin loss on given triplets: the like example is nearer by a margin.

    anchor, positive, negative: (batch, …), of one shape. `triplet` finds them in a batch by labels.
    Returns (batch,).

    margin: m, in Euclidean distance, 0 or more.
    swap: true takes the distance from the positive to the negative where it is the smaller one.

    Source: Balntas et al. 2016, "Learning local feature descriptors with triplets and shallow
    convolutional neural networks"; as TripletMarginLoss in torch.
    """
    a, p, n = (as_rows(x) for x in (anchor, positive, negative))
    near, far = _distance(a, p), _distance(a, n)
    if swap:
        far = tf.minimum(far, _distance(p, n))
    return tf.nn.relu(near - far + margin)


def _distance(one: Any, other: Any) -> Any:
    return root(tf.reduce_sum(tf.math.squared_difference(one, other), axis=-1))


def _queue(shapes: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The last rows with their classes, and whether a place of the queue is taken."""
    size, width = int(settings["size"]), math.prod(shapes["embedding"][1:])
    kinds = {"rows": (size, width), "classes": (size, max(shapes["labels"][-1], 2)), "taken": size}
    return {
        name: tfloss.LossVariable(
            shape if isinstance(shape, tuple) else (shape,), "zeros", trainable=False
        )
        for name, shape in kinds.items()
    }


@tfloss.loss(
    per="batch",
    latex=r"\mathrm{mean}_i\sum_{j\sim i}(1-s_{ij})+\sum_{j\not\sim i}\max(0,s_{ij}-m)",
    range=(0, None),
    kinks=("a pair is just at the margin",),
    family="representation",
    domains={"embedding": "numbers*any"},
    state=_queue,
    example="cross_batch_memory(embedding=hidden2, size=64)",
)
def cross_batch_memory(
    labels: Any,
    embedding: Any,
    sample_weight: Any = None,
    *,
    size: Annotated[int, AtLeast(1)] = 1024,
    margin: Annotated[float, Interval(0, 1)] = 0.5,
    state: Any,
) -> Any:
    """Cross-batch memory (XBM): contrastive pairs with the batch and with earlier ones.

    labels: (batch, 1), 0 or 1, or one-hot (batch, C).
    embedding: (batch, …), of any width k; rows are brought to length one.
    sample_weight: (batch,), or None for all ones; an example of weight 0 is not remembered.
    Returns a scalar: the weighted mean over the batch's examples of the sums over pairs. No
    gradient flows into what is remembered.

    size: how many examples are remembered, 1 or more.
    margin: m, the cosine up to which unlike ones cost nothing.

    Held: rows, (size, k), classes, (size, C), and taken, (size,); filled while training, the
    oldest first to go, not trained.

    Source: Wang et al. 2020, "Cross-batch memory for embedding learning", eq. 3 and algorithm 1.
    """
    (given, rows), weight = weighted_rows(sample_weight, labels=labels, embedding=embedding)
    members, unit = as_distribution(given), unit_length(rows)
    there = tf.cast(weight > 0, unit.dtype)
    kinds = {"labels": members, "classes": state["classes"]}
    same_shape(**{n: tf.reduce_sum(x, axis=0) for n, x in kinds.items()})
    own = tf.linalg.set_diag(tf.ones_like(weight)[:, None] * there, tf.zeros_like(weight))
    cost = tf.reduce_sum(own * _pair_costs(unit, members, unit, members, margin), axis=-1)
    past = _pair_costs(unit, members, state["rows"], state["classes"], margin)
    cost += tf.reduce_sum(state["taken"] * past, axis=-1)
    for name, new in {"rows": unit, "classes": members, "taken": there}.items():
        together = tf.concat([tf.stop_gradient(new), state[name]], axis=0)
        state.update(name, together[:size])
    return weighted_mean(cost, weight)


def _pair_costs(rows: Any, members: Any, others: Any, other_members: Any, margin: float) -> Any:
    """What each pair costs, (n, m)."""
    cosine = tf.matmul(rows, others, transpose_b=True)
    same = tf.matmul(members, other_members, transpose_b=True)
    return same * (1 - cosine) + (1 - same) * tf.nn.relu(cosine - margin)


def _centre(shapes: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    del settings
    width = math.prod(shapes["embedding"][1:])
    return {
        "centre": tfloss.LossVariable((width,), "zeros", trainable=False),
        "found": tfloss.LossVariable((), "zeros", trainable=False),
    }


@tfloss.loss(
    per="batch",
    latex=r"\mathrm{mean}_i\Vert f_i-c\Vert^2",
    range=(0, None),
    family="representation",
    domains={"embedding": "numbers"},
    state=_centre,
    example="deep_svdd(embedding=hidden2)",
)
def deep_svdd(embedding: Any, sample_weight: Any = None, *, state: Any) -> Any:
    """Deep SVDD, one class: normal examples near a centre, so that far ones are anomalies.

    embedding: (batch, …), of a layer without bias, as the paper shows: else all go to the centre.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: the weighted mean of squared distances.

    Held: centre, (k,), the mean of the first batch that is trained on, and found, whether there was
    one; fixed from then on, not trained.

    Source: Ruff et al. 2018, "Deep one-class classification", eq. 4; weight decay is a term of its
    own, l2.
    """
    (rows,), weight = weighted_rows(sample_weight, embedding=embedding)
    first = tf.reduce_sum(weight[:, None] * rows, axis=0) / tf.maximum(tf.reduce_sum(weight), 1e-12)
    centre = tf.where(state["found"] > 0, state["centre"], tf.stop_gradient(first))
    state.update("centre", centre)
    state.update("found", tf.ones_like(state["found"]))
    return weighted_mean(tf.reduce_sum(tf.square(rows - centre), axis=-1), weight)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [triplet_margin, cross_batch_memory, deep_svdd]
