"""Overlap of what is and what the student says, over the batch: F-scores that can be minimised.

Hits, false alarms and misses are counted softly, by probability, over all axes but the last. They
are counts of a whole batch, so these losses give one value per batch. On one column only the second
class counts; on more, each class has its own overlap and the mean of them is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, Each, PerColumn
from tfloss.ops import columns, same_shape, zeroed

Weights = Annotated[Sequence[float], Each(AtLeast(0)), PerColumn("logits")] | None
Smooth = Annotated[float, Above(0)]


@tfloss.loss(
    same_shape=("labels", "logits"),
    per="batch",
    latex=r"1-\frac{\mathrm{TP}+s}{\mathrm{TP}+\alpha\mathrm{FP}+\beta\mathrm{FN}+s}",
    range=(0, 1),
    zero_at_optimum=True,
    family="classification",
    example="bce + tversky(alpha=0.2, beta=0.8)",
)
def tversky(
    labels: Any,
    logits: Any,
    sample_weight: Any = None,
    *,
    alpha: Annotated[float, AtLeast(0)] = 0.3,
    beta: Annotated[float, AtLeast(0)] = 0.7,
    smooth: Smooth = 1.0,
    class_weights: Weights = None,
) -> Any:
    """Tversky loss: overlap in which a miss may cost more than a false alarm.

    labels: (batch, 1) or one-hot (batch, C); more axes between are allowed.  logits: same shape.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar.

    alpha, beta: what a false alarm and a miss cost, 0 or more.
    smooth: added above and below, positive, so that a batch without a class counts as perfect.
    class_weights: what each column's overlap weighs, one number each; none weighs all alike.

    Source: Salehi et al. 2017, "Tversky loss function for image segmentation", eq. 3.
    """
    hits, alarms, misses = _soft_counts(labels, logits, sample_weight)
    overlaps = (hits + smooth) / (hits + alpha * alarms + beta * misses + smooth)
    return 1 - _mean_of_classes(overlaps, class_weights)


@tfloss.loss(
    same_shape=("labels", "logits"),
    per="batch",
    latex=r"1-\frac{2\mathrm{TP}+s}{2\mathrm{TP}+\mathrm{FP}+\mathrm{FN}+s}",
    range=(0, 1),
    zero_at_optimum=True,
    family="classification",
    example="bce + dice",
)
def dice(
    labels: Any,
    logits: Any,
    sample_weight: Any = None,
    *,
    smooth: Smooth = 1.0,
    class_weights: Weights = None,
) -> Any:
    """Dice loss: one minus the soft F1 score, for rare classes and for segmentation.

    labels: (batch, 1) or one-hot (batch, C); more axes between are allowed.  logits: same shape.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar.

    smooth: added above and below, positive, so that a batch without a class counts as perfect.
    class_weights: what each column's overlap weighs, one number each; none weighs all alike.

    Source: Sudre et al. 2017, "Generalised Dice overlap", section 2, DL2 for every class alike.
    """
    hits, alarms, misses = _soft_counts(labels, logits, sample_weight)
    overlaps = (2 * hits + smooth) / (2 * hits + alarms + misses + smooth)
    return 1 - _mean_of_classes(overlaps, class_weights)


@tfloss.loss(
    same_shape=("labels", "logits"),
    per="batch",
    latex=r"1-\frac{\mathrm{TP}+s}{\mathrm{TP}+\mathrm{FP}+\mathrm{FN}+s}",
    range=(0, 1),
    zero_at_optimum=True,
    family="classification",
    example="bce + jaccard",
)
def jaccard(
    labels: Any,
    logits: Any,
    sample_weight: Any = None,
    *,
    smooth: Smooth = 1.0,
    class_weights: Weights = None,
) -> Any:
    """Jaccard loss: one minus the soft intersection over union.

    labels: (batch, 1) or one-hot (batch, C); more axes between are allowed.  logits: same shape.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar.

    smooth: added above and below, positive, so that a batch without a class counts as perfect.
    class_weights: what each column's overlap weighs, one number each; none weighs all alike.

    Source: Rahman and Wang 2016, "Optimizing intersection-over-union in deep neural
    networks".
    """
    settings: dict[str, Any] = {"smooth": smooth, "class_weights": class_weights}
    return tversky(labels, logits, sample_weight, alpha=1.0, beta=1.0, **settings)


def _mean_of_classes(overlaps: Any, class_weights: Sequence[float] | None) -> Any:
    """The mean over (classes,), weighted."""
    if class_weights is None:
        return tf.reduce_mean(overlaps)
    if not sum(class_weights):
        raise ValueError("'class_weights' are all zero; give one class a weight.")
    shares = tf.constant(class_weights, overlaps.dtype) / sum(class_weights)
    return tf.reduce_sum(shares * overlaps)


def _soft_counts(labels: Any, logits: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
    """Hits, false alarms and misses of each column, each (columns,)."""
    labels, logits = zeroed(labels, sample_weight), zeroed(logits, sample_weight)
    probs = tf.sigmoid(logits) if columns(logits) == 1 else tf.nn.softmax(logits)
    axes = list(range(len(labels.shape) - 1))
    weight = tf.ones_like(labels)
    if sample_weight is not None:
        same_shape(examples=labels[(slice(None), *[0] * len(axes))], sample_weight=sample_weight)
        weight *= tf.reshape(sample_weight, [-1] + [1] * len(axes))
    hits, alarms, misses = labels * probs, (1 - labels) * probs, labels * (1 - probs)
    return tuple(tf.reduce_sum(weight * count, axis=axes) for count in (hits, alarms, misses))


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [tversky, dice, jaccard]
