"""Overlap of what is and what the student says, over the batch: F-scores that can be minimised.

Hits, false alarms and misses are counted softly, by probability, over all axes but the last. They
are counts of a whole batch, so these losses give one value per batch. On one column only the second
class counts; on more, each class has its own overlap and the mean of them is taken. `over` says
otherwise: all classes counted together, or each example by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, Each, OneOf, PerColumn
from tfloss.ops import columns, same_shape, weighted_mean, zeroed

Weights = Annotated[Sequence[float], Each(AtLeast(0)), PerColumn("logits")] | None
Smooth = Annotated[float, Above(0)]
Over = Annotated[str, OneOf("classes", "batch", "examples")]


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
    over: Over = "classes",
) -> Any:
    """Tversky loss: overlap in which a miss may cost more than a false alarm.

    labels: (batch, 1) or one-hot (batch, C); more axes between are allowed.  logits: same shape.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar.

    alpha, beta: what a false alarm and a miss cost, 0 or more.
    smooth: added above and below, positive, so that a batch without a class counts as perfect.
    class_weights: what each column's overlap weighs, one number each; none weighs all alike.
    over: what has an overlap of its own: 'classes', each over the whole batch; 'batch', all classes
        together; 'examples', each class of each example, whose mean counts small things as much as
        large ones.

    Source: Salehi et al. 2017, "Tversky loss function for image segmentation", eq. 3.
    """

    def overlap(hits: Any, alarms: Any, misses: Any) -> Any:
        return (hits + smooth) / (hits + alpha * alarms + beta * misses + smooth)

    return _lack(overlap, labels, logits, sample_weight, class_weights, over)


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
    over: Over = "classes",
) -> Any:
    """Dice loss: one minus the soft F1 score, for rare classes and for segmentation.

    labels: (batch, 1) or one-hot (batch, C); more axes between are allowed.  logits: same shape.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar.

    smooth: added above and below, positive, so that a batch without a class counts as perfect.
    class_weights: what each column's overlap weighs, one number each; none weighs all alike.
    over: what has an overlap of its own: 'classes', each over the whole batch; 'batch', all classes
        together; 'examples', each class of each example, whose mean counts small things as much as
        large ones.

    Source: Sudre et al. 2017, "Generalised Dice overlap", section 2, DL2 for every class alike.
    """

    def overlap(hits: Any, alarms: Any, misses: Any) -> Any:
        return (2 * hits + smooth) / (2 * hits + alarms + misses + smooth)

    return _lack(overlap, labels, logits, sample_weight, class_weights, over)


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
    over: Over = "classes",
) -> Any:
    """Jaccard loss: one minus the soft intersection over union.

    labels: (batch, 1) or one-hot (batch, C); more axes between are allowed.  logits: same shape.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar.

    smooth: added above and below, positive, so that a batch without a class counts as perfect.
    class_weights: what each column's overlap weighs, one number each; none weighs all alike.
    over: what has an overlap of its own: 'classes', each over the whole batch; 'batch', all classes
        together; 'examples', each class of each example, whose mean counts small things as much as
        large ones.

    Source: Rahman and Wang 2016, "Optimizing intersection-over-union in deep neural
    networks".
    """
    settings: dict[str, Any] = {"smooth": smooth, "class_weights": class_weights, "over": over}
    return tversky(labels, logits, sample_weight, alpha=1.0, beta=1.0, **settings)


def _lack(
    overlap: Callable[..., Any],
    labels: Any,
    logits: Any,
    sample_weight: Any,
    class_weights: Sequence[float] | None,
    over: str,
) -> Any:
    """What the mean overlap lacks of 1.  overlap: of hits, false alarms and misses, any shape."""
    hits, alarms, misses, weight = _soft_counts(labels, logits, sample_weight)
    counts, shares = (hits, alarms, misses), _shares(hits, class_weights)
    if over == "examples":
        return weighted_mean(1 - tf.reduce_sum(shares * overlap(*counts), axis=1), weight)
    counts = tuple(tf.reduce_sum(weight[:, None] * count, axis=0) for count in counts)
    if over == "batch":
        together = (columns(logits) * tf.reduce_sum(shares * count) for count in counts)
        return 1 - overlap(*together)
    return 1 - tf.reduce_sum(shares * overlap(*counts))


def _shares(counts: Any, class_weights: Sequence[float] | None) -> Any:
    """What each class weighs, (columns,); their sum is 1."""
    if class_weights is None:
        return tf.constant([1 / columns(counts)] * columns(counts), counts.dtype)
    if not sum(class_weights):
        raise ValueError("'class_weights' are all zero; give one class a weight.")
    return tf.constant(class_weights, counts.dtype) / sum(class_weights)


def _soft_counts(labels: Any, logits: Any, sample_weight: Any) -> tuple[Any, Any, Any, Any]:
    """Hits, false alarms and misses, (batch, columns) each, and the examples' weights (batch,)."""
    labels, logits = zeroed(labels, sample_weight), zeroed(logits, sample_weight)
    probs = tf.sigmoid(logits) if columns(logits) == 1 else tf.nn.softmax(logits)
    axes = list(range(1, len(labels.shape) - 1))
    weight = tf.ones_like(labels[(slice(None), *[0] * (len(axes) + 1))])
    if sample_weight is not None:
        same_shape(examples=weight, sample_weight=sample_weight)
        weight *= sample_weight
    counts = (labels * probs, (1 - labels) * probs, labels * (1 - probs))
    hits, alarms, misses = (tf.reduce_sum(count, axis=axes) if axes else count for count in counts)
    return hits, alarms, misses, weight


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [tversky, dice, jaccard]
