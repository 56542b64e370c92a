"""Gaps between groups of people, in what the student answers on average.

The group is a column from outside, which the student need not see:
`bce + 0.5*demographic_parity(group=sex)`. It is (batch,) or (batch, 1), one code for each group (0
and 1, or 1, 2 and 3), or one-hot (batch, groups). A group that is not in the batch is left out.
"""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above
from tfloss.ops import (
    LOWEST,
    as_distribution,
    columns,
    log_probs,
    same_shape,
    squared_distances,
    weighted_rows,
    zeroed,
)


def _members(group: Any, like: Any, sample_weight: Any) -> Any:
    """Who is in which group, 1 or 0, (batch, groups).

    Of one column of codes, whatever they are: everybody's group is a column, 1 for all who share
    the code. A group is then there once for each of its people, which changes no largest gap.
    """
    if sample_weight is not None:
        examples = group if len(group.shape) == 1 else group[:, 0]
        same_shape(group=examples, sample_weight=sample_weight)
    group = zeroed(tf.convert_to_tensor(group), sample_weight)
    if len(group.shape) > 1 and group.shape[-1] != 1:
        return tf.round(tf.cast(group, like.dtype))
    codes = tf.cast(tf.reshape(group, [-1]), tf.float64)  # numbers of people may be long
    apart = tf.cast(codes[:, None] - codes[None, :], like.dtype)
    return tf.where(apart == 0, tf.ones_like(apart), 0 * apart)  # a NaN stays one


def _gap(values: Any, sorts: Any, members: Any) -> Any:
    """Largest less smallest mean over the groups, among several sorts of people.

    values: (batch, k).  sorts: (batch, sorts), the weight of each.  members: (batch, groups), who
    is in which.  Returns (sorts, k).
    """
    kinds, wide = columns(sorts), columns(values)
    sizes = tf.transpose(tf.matmul(members, sorts, transpose_a=True))[..., None]
    each = tf.reshape(sorts[:, :, None] * values[:, None, :], [-1, kinds * wide])
    totals = tf.reshape(tf.matmul(members, each, transpose_a=True), [-1, kinds, wide])
    means = tf.transpose(totals, [1, 0, 2]) / tf.maximum(sizes, 1e-12)
    lowest = tf.constant(LOWEST, values.dtype)
    highest = tf.reduce_max(tf.where(sizes == 0, lowest, means), axis=1)
    smallest = -tf.reduce_max(tf.where(sizes == 0, lowest, -means), axis=1)
    # Where nobody is, there is no gap. A comparison may hide a NaN; the last term does not.
    nobody = tf.reduce_sum(sizes, axis=1) == 0
    hidden = 0 * tf.reduce_sum(means, axis=1)
    return tf.where(nobody, tf.zeros_like(highest), highest - smallest) + hidden


@tfloss.loss(
    per="batch",
    latex=r"\frac1C\sum_c\max_g\bar p_c^{(g)}-\min_g\bar p_c^{(g)}",
    range=(0, 1),
    kinks=("two groups have one mean",),
    domains={"group": "groups"},
    example="bce + 0.5*demographic_parity(group=sex)",
)
def demographic_parity(logits: Any, group: Any, sample_weight: Any = None) -> Any:
    """Demographic parity gap: every group shall get each answer equally often.

    logits: (batch, 1) or (batch, C).
    group: (batch,) or (batch, 1), a code of each group, or one-hot (batch, groups).
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: the largest difference between groups of the mean probability, averaged over
    the classes.

    Source: Calders, Kamiran and Pechenizkiy 2009; as the difference of Agarwal et al. 2018, made
    smooth by probabilities in the place of decisions.
    """
    (logits, members), weight = weighted_rows(
        sample_weight, logits=logits, group=_members(group, logits, sample_weight)
    )
    return tf.reduce_mean(_gap(tf.exp(log_probs(logits)), weight[:, None], members))


@tfloss.loss(
    same_shape=("labels", "logits"),
    per="batch",
    latex=r"\frac1{C^2}\sum_{y,c}\max_g\bar p_c^{(g,y)}-\min_g\bar p_c^{(g,y)}",
    range=(0, 1),
    kinks=("two groups have one mean",),
    domains={"group": "groups"},
    example="bce + 0.5*equalised_odds(group=sex)",
)
def equalised_odds(labels: Any, logits: Any, group: Any, sample_weight: Any = None) -> Any:
    """Equalised odds gap: among those of one true class every group shall get the same answers.

    labels: (batch, 1), or one-hot (batch, C).  logits: same shape.
    group: (batch,) or (batch, 1), a code of each group, or one-hot (batch, groups).
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: the gap of demographic_parity within each true class, averaged over them; on
    two classes the mean of the gaps of the true and of the false positive rate.

    Source: Hardt, Price and Srebro 2016, "Equality of opportunity in supervised learning",
    definition 2.1, made smooth by probabilities in the place of decisions.
    """
    (labels, logits, members), weight = weighted_rows(
        sample_weight, labels=labels, logits=logits, group=_members(group, logits, sample_weight)
    )
    p, classes = tf.exp(log_probs(logits)), as_distribution(labels)
    return tf.reduce_mean(_gap(p, weight[:, None] * classes, members))


@tfloss.loss(
    per="batch",
    latex=r"\max_{g,h}\mathrm{MMD}^2\bigl(p^{(g)},p^{(h)}\bigr)",
    range=(0, 2),
    kinks=("two pairs of groups are equally far apart",),
    domains={"group": "groups"},
    example="bce + 1.5*min_diff(group=sex)",
)
def min_diff(
    logits: Any,
    group: Any,
    sample_weight: Any = None,
    *,
    bandwidth: Annotated[float, Above(0)] = 0.1,
) -> Any:
    """MinDiff: the answers to each group have one distribution, not their mean only.

    logits: (batch, 1) or (batch, C).
    group: (batch,) or (batch, 1), a code of each group, or one-hot (batch, groups).
    sample_weight: (batch,), or None for all ones; 0 leaves out who is not to be compared, those of
    the other class for equal odds.
    Returns a scalar: the largest squared maximum mean discrepancy of probabilities between two
    groups of the batch, from 0 to 2.

    bandwidth: of the Gaussian kernel, in units of probability, positive.

    Source: Prost et al. 2019, "Toward a better trade-off between performance and fairness with
    kernel-based distribution matching", eq. 4.
    """
    (logits, members), weight = weighted_rows(
        sample_weight, logits=logits, group=_members(group, logits, sample_weight)
    )
    p = tf.exp(log_probs(logits))
    kernel = tf.exp(-squared_distances(p, p) / (2 * bandwidth**2))
    counted = weight[:, None] * members
    sizes = tf.reduce_sum(counted, axis=0)
    shares = counted / tf.maximum(sizes, 1e-12)
    # The mean kernel between each two groups, (groups, groups).
    means = tf.matmul(shares, tf.matmul(kernel, shares), transpose_a=True)
    own = tf.linalg.diag_part(means)
    gaps = own[:, None] + own[None, :] - 2 * means
    there = tf.cast(sizes > 0, gaps.dtype)
    return tf.nn.relu(tf.reduce_max(there[:, None] * there[None, :] * gaps))


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [demographic_parity, equalised_odds, min_diff]
