"""Scores of a whole batch that cannot be minimised, made so: Jaccard index and area under the ROC.

They compare examples with each other, so they give one value per batch.
"""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above
from tfloss.ops import columns, several_columns, weighted_rows


@tfloss.loss(
    same_shape=("labels", "logits"),
    per="batch",
    latex=r"\overline{\Delta_J}\bigl(\max(0,1-t_iz_i)\bigr),\ t=2y-1",
    range=(0, None),
    zero_at_optimum=True,
    kinks=("two examples have one error", "logits * (2 * labels - 1) == 1"),
    family="classification",
    example="bce + lovasz_hinge",
)
def lovasz_hinge(labels: Any, logits: Any, sample_weight: Any = None) -> Any:
    """Lovász hinge: the Jaccard index of the second class, as a convex function of the scores.

    labels: (batch, 1) or (batch, …, 1), 0 or 1.  logits: same shape, the scores.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar, over all places of all examples.

    Source: Berman, Rannen Triki and Blaschko 2018, "The Lovász-softmax loss".
    """
    if columns(logits) != 1:
        raise ValueError("'lovasz_hinge' needs one column; use lovasz_softmax.")
    (truth, scores), weights = _places(labels, logits, sample_weight)
    errors = tf.nn.relu(1 - (2 * truth - 1) * scores)
    return _lovasz(errors, truth, weights)[0]


@tfloss.loss(
    same_shape=("labels", "logits"),
    per="batch",
    latex=r"\frac1{|C|}\sum_{c\in C}\overline{\Delta_{J_c}}\bigl(|y_{ic}-p_{ic}|\bigr)",
    range=(0, 1),
    zero_at_optimum=True,
    kinks=("two examples have one error",),
    family="classification",
    example="ce + lovasz_softmax",
)
def lovasz_softmax(labels: Any, logits: Any, sample_weight: Any = None) -> Any:
    """Lovász-softmax: the mean Jaccard index of the classes, as a function of probabilities.

    labels: one-hot (batch, C) or (batch, …, C), C of 2 or more.  logits: same shape.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: the mean over the classes that are in the batch.

    Source: Berman, Rannen Triki and Blaschko 2018, "The Lovász-softmax loss".
    """
    several_columns("lovasz_softmax", "use lovasz_hinge", logits=logits)
    (truth, scores), weights = _places(labels, logits, sample_weight)
    errors = tf.abs(truth - tf.nn.softmax(scores, axis=0))
    present = tf.cast(tf.reduce_sum(weights * truth, axis=1) != 0, errors.dtype)
    costs = present * _lovasz(errors, truth, weights)
    return tf.reduce_sum(costs) / tf.maximum(tf.reduce_sum(present), 1)


def _places(labels: Any, logits: Any, sample_weight: Any) -> tuple[list[Any], Any]:
    """Labels and logits as (columns, places), and the places' weights, (places,)."""
    rows, weight = weighted_rows(sample_weight, labels=labels, logits=logits)
    count = columns(logits)
    each = tf.reshape(tf.ones_like(rows[0]) * weight[:, None], [-1, count])[:, 0]
    return [tf.transpose(tf.reshape(values, [-1, count])) for values in rows], each


def _lovasz(errors: Any, truth: Any, weights: Any) -> Any:
    """Lovász extension of the Jaccard loss of each row.  errors, truth: (C, n).  Returns (C,)."""
    there = weights[None, :] + tf.zeros_like(errors)
    # What is missing is sorted to the end, where it costs nothing.
    order = tf.argsort(tf.where(there == 0, -tf.ones_like(errors), errors), direction="DESCENDING")
    order = tf.stop_gradient(order)
    errors, hits, misses = (
        tf.gather(values, order, batch_dims=1)
        for values in (errors, there * truth, there * (1 - truth))
    )
    total = tf.reduce_sum(hits, axis=-1, keepdims=True)
    kept = total - tf.cumsum(hits, axis=-1)
    union = total + tf.cumsum(misses, axis=-1)
    # Where nothing is there to be found or missed, nothing is lost.
    loss = tf.where(union == 0, tf.zeros_like(kept), 1 - kept / tf.maximum(union, 1e-12))
    before = tf.concat([tf.zeros_like(loss[:, :1]), loss[:, :-1]], axis=-1)
    return tf.reduce_sum(errors * (loss - before), axis=-1)


@tfloss.loss(
    same_shape=("labels", "logits"),
    per="batch",
    latex=r"\mathrm{Var}_+(h)+\mathrm{Var}_-(h)+\max\bigl(0,m-\bar h_++\bar h_-\bigr)^2,"
    r"\ h=\sigma(z)",
    range=(0, None),
    kinks=("the classes' mean scores are a margin apart",),
    family="classification",
    example="bce + auc_margin(margin=1)",
)
def auc_margin(
    labels: Any, logits: Any, sample_weight: Any = None, *, margin: Annotated[float, Above(0)] = 1.0
) -> Any:
    """AUC margin loss: every example of the second class above all of the first, robustly.

    labels: (batch, 1), or (batch, C), each column against the rest.  logits: same shape.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: the mean over the columns. The paper's means and multiplier, which it
    optimises beside the student, are put at their optimum for the batch.

    margin: m, by which the mean scores of the classes shall differ; positive.

    Source: Yuan et al. 2021, "Large-scale robust deep AUC maximization".
    """
    (truth, scores), weight = weighted_rows(sample_weight, labels=labels, logits=logits)
    sides = (weight[:, None] * truth, weight[:, None] * (1 - truth))
    (high, over, one), (low, under, other) = (_spread(tf.sigmoid(scores), s) for s in sides)
    apart = tf.cast((one > 0) & (other > 0), scores.dtype)
    return tf.reduce_mean(over + under + apart * tf.square(tf.nn.relu(margin - high + low)))


def _spread(scores: Any, weight: Any) -> tuple[Any, Any, Any]:
    """Mean, variance and total weight of one side of each column, (columns,)."""
    total = tf.reduce_sum(weight, axis=0)
    mean = tf.reduce_sum(weight * scores, axis=0) / tf.maximum(total, 1e-12)
    square = tf.reduce_sum(weight * tf.math.squared_difference(scores, mean[None, :]), axis=0)
    return mean, square / tf.maximum(total, 1e-12), total


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [lovasz_hinge, lovasz_softmax, auc_margin]
