"""Several labels at once where some are rare: by how often each is, or by the batch's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, Each, PerColumn
from tfloss.ops import columns, log_sum, mean_per_example, weighted_mean, weighted_rows

_SAME = ("labels", "logits")
_YES = {"labels": "yes_no"}


@tfloss.loss(
    same_shape=_SAME,
    latex=r"\frac1C\sum_c\hat r_c\Bigl(y_c\log(1+e^{-(z_c-\nu_c)})+\tfrac1\lambda(1-y_c)"
    r"\log(1+e^{\lambda(z_c-\nu_c)})\Bigr)",
    range=(0, None),
    domains=_YES,
    family="multi_label",
    example="distribution_balanced(counts=[900, 90, 10], total=1000)",
)
def distribution_balanced(
    labels: Any,
    logits: Any,
    *,
    counts: Annotated[Sequence[float], Each(Above(0)), PerColumn("logits")] | None = None,
    total: Annotated[float, Above(0)] | None = None,
    negative_scale: Annotated[float, Above(0)] = 5.0,
    bias: Annotated[float, AtLeast(0)] = 0.05,
    lift: Annotated[float, AtLeast(0)] = 0.1,
    steepness: Annotated[float, AtLeast(0)] = 10.0,
    middle: float = 0.2,
) -> Any:
    """Distribution-balanced loss: labels that come together are reweighed, no's tolerated.

    labels: (batch, C), 0 or 1 each.  logits: same shape.
    Returns (batch,), in nats: the mean over columns.

    counts: how many examples have each label, C numbers above 0 and below total; with total, which
    is how many examples there are. Without them every label is in half of the examples.
    negative_scale: λ, by which the logits of no's are multiplied, positive.
    bias: κ, how much a rare label's logit is shifted, 0 or more.
    lift, steepness, middle: α, β, µ, which map a label's weight to between α and α + 1.

    Source: Wu et al. 2020, "Distribution-balanced loss for multi-label classification in
    long-tailed datasets", eq. 3 to 9; the defaults are those of the authors' code.
    """
    classes = columns(logits)
    shares = _shares(counts, total, classes)
    nu = tf.constant(-bias * np.log(1 / shares - 1), logits.dtype)
    inverse = tf.constant(1 / shares, logits.dtype)
    repeats = tf.maximum(tf.reduce_sum(labels * inverse, axis=-1, keepdims=True), 1e-12)
    weight = lift + tf.sigmoid(steepness * (inverse / repeats - middle))
    z = logits - nu
    yes = labels * tf.nn.softplus(-z)
    no = (1 - labels) * tf.nn.softplus(negative_scale * z) / negative_scale
    return mean_per_example(weight * (yes + no))


def _shares(counts: Sequence[float] | None, total: float | None, classes: int) -> Any:
    """Which part of the examples has each label."""
    if counts is None and total is None:
        return np.full(classes, 0.5)
    if counts is None or total is None:
        raise ValueError("'counts' and 'total' go together; give both.")
    if not all(count < total for count in counts):
        raise ValueError(f"'counts' must be below 'total', which is {total}.")
    return np.array(counts, float) / total


@tfloss.loss(
    same_shape=_SAME,
    per="batch",
    latex=r"\mathrm{mean}\log\Bigl(1+\sum_{y=0}e^z\bigl(\sum_{y=1}e^{-z/T}\bigr)^T\Bigr)"
    r"\ \text{over rows, and over columns}",
    range=(0, None),
    domains=_YES,
    family="multi_label",
)
def two_way(
    labels: Any,
    logits: Any,
    sample_weight: Any = None,
    *,
    temperature: Annotated[float, Above(0)] = 4.0,
) -> Any:
    """Two-way multi-label loss: yes above no among an example's labels, and a label's examples.

    labels: (batch, C), 0 or 1 each.  logits: same shape.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar, in nats: the mean over examples and the mean over labels, of those that have
    both a yes and a no.

    temperature: T, of the yes's, positive; above 1 the hardest does not count alone.

    Source: Kobayashi 2023, "Two-way multi-label loss", eq. 3 and 6.
    """
    (y, z), weight = weighted_rows(sample_weight, labels=labels, logits=logits)
    by_row, found = _contrast(y, 1 - y, z, temperature)
    rows = weighted_mean(by_row, weight * found)
    yes, no = weight[:, None] * y, weight[:, None] * (1 - y)
    by_column, there = _contrast(tf.transpose(yes), tf.transpose(no), tf.transpose(z), temperature)
    return rows + weighted_mean(by_column, there)


def _contrast(yes: Any, no: Any, z: Any, temperature: float) -> tuple[Any, Any]:
    """Each row's value, 0 without a yes and a no, and whether it has both."""
    found = tf.cast((tf.reduce_sum(yes, axis=-1) > 0) & (tf.reduce_sum(no, axis=-1) > 0), z.dtype)
    lost = tf.nn.softplus(log_sum(z, no) + temperature * log_sum(-z / temperature, yes))
    return tf.where(found > 0, lost, 0 * tf.reduce_sum(yes + no, axis=-1)), found


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [distribution_balanced, two_way]
