"""Sparse alternatives of the softmax, and targets that know the order of the classes."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, Interval
from tfloss.ops import columns, log_probs, several_columns, weighted_rows

_SAME = ("labels", "logits")


def _thresholds(logits: Any, exponent: float) -> Any:
    """The entmax distribution, (batch, C), by bisection of its threshold; a constant to gradients.

    p_c = max(0, (alpha-1)·z_c - tau)^(1/(alpha-1)), tau such that they add up to one.
    """
    scaled = (exponent - 1) * (logits - tf.reduce_max(logits, axis=-1, keepdims=True))
    low, high = -tf.ones_like(scaled[:, :1]), tf.zeros_like(scaled[:, :1])
    power = 1 / (exponent - 1)
    for _ in range(50):
        middle = (low + high) / 2
        enough = tf.reduce_sum(tf.nn.relu(scaled - middle) ** power, axis=-1, keepdims=True) >= 1
        low, high = tf.where(enough, middle, low), tf.where(enough, high, middle)
    found = tf.nn.relu(scaled - low) ** power
    return tf.stop_gradient(found / tf.reduce_sum(found, axis=-1, keepdims=True))


@tfloss.loss(
    same_shape=_SAME,
    latex=r"\max_p\,p^\top z+H_\alpha(p)-z_y,\ H_\alpha(p)=\frac{1-\sum_cp_c^\alpha}{\alpha("
    r"\alpha-1)}",
    range=(0, None),
    zero_at_optimum=True,
    family="classification",
    example="entmax(alpha=1.5)",
)
def entmax(
    labels: Any, logits: Any, *, alpha: Annotated[float, Interval(1, 4, "right")] = 1.5
) -> Any:
    """Entmax (Fenchel-Young) loss: between ce and sparsemax, with chances that are exactly zero.

    labels: one-hot or distributions, (batch, C), C at least 2.  logits: same shape.
    Returns (batch,): 0 from where the true class leads by 1/(alpha - 1).

    alpha: the order of Tsallis' entropy, above 1, at most 4; 2 is sparsemax, near 1 it is ce.

    Source: Blondel, Martins and Niculae 2020, "Learning with Fenchel-Young losses"; Peters, Niculae
    and Martins 2019, "Sparse sequence-to-sequence models".
    """
    several_columns("entmax", "use bce", labels=labels, logits=logits)
    p = _thresholds(logits, alpha)

    def entropy(chances: Any) -> Any:
        spread = tf.reduce_sum(chances - chances**alpha, axis=-1)
        return spread / (alpha * (alpha - 1))

    # At the best p the value's slope is p itself, less the labels.
    lead = tf.reduce_sum((p - labels) * logits, axis=-1)
    return tf.nn.relu(lead + entropy(p) - entropy(labels))


@tfloss.loss(
    same_shape=_SAME,
    latex=r"\tfrac12\sum_{c\in S}(z_c^2-\tau^2)+\tfrac12\Vert y\Vert^2-y^\top z",
    range=(0, None),
    zero_at_optimum=True,
    family="classification",
)
def sparsemax(labels: Any, logits: Any) -> Any:
    """Sparsemax loss: the nearest distribution to the logits, most of it exactly zero.

    labels: one-hot or distributions, (batch, C), C at least 2.  logits: same shape.
    Returns (batch,): 0 from where the true class leads by 1.

    Source: Martins and Astudillo 2016, "From softmax to sparsemax: a sparse model of attention and
    multi-label classification".
    """
    return entmax.function(labels, logits, alpha=2.0)


@tfloss.loss(
    same_shape=_SAME,
    latex=r"-\sum_cq_c\log p_c,\ q=\mathrm{softmax}\bigl(-|c-y|^k/\tau\bigr)",
    range=(0, None),
    zero_at_optimum=False,
    domains={"labels": "classes"},
    family="classification",
    example="sord(scale=0.5)",
)
def sord(
    labels: Any,
    logits: Any,
    *,
    scale: Annotated[float, Above(0)] = 1.0,
    power: Annotated[float, Above(0)] = 1.0,
) -> Any:
    """Soft labels for ordinal regression (SORD): cross-entropy with chances that fall by distance.

    labels: one-hot (batch, C), the classes in their order.  logits: same shape, C at least 2.
    Returns (batch,), in nats.

    scale: τ, in classes to the power; the larger, the wider.
    power: k, of the distance.

    Source: Díaz and Marathe 2019, "Soft labels for ordinal regression".
    """
    several_columns("sord", "use bce", labels=labels, logits=logits)
    places = tf.range(columns(logits), dtype=logits.dtype)
    apart = tf.abs(places[:, None] - places[None, :]) ** power
    soft = tf.matmul(labels, tf.nn.softmax(-apart / scale))
    return -tf.reduce_sum(soft * log_probs(logits), axis=-1)


@tfloss.loss(
    same_shape=_SAME,
    latex=r"\sum_c\Bigl(\sum_{d\le c}p_d-y_d\Bigr)^2",
    range=(0, None),
    zero_at_optimum=True,
    domains={"labels": "classes"},
    family="classification",
)
def ranked_probability(labels: Any, logits: Any) -> Any:
    """Ranked probability score (squared earth mover's distance): near classes cost less than far.

    labels: one-hot (batch, C), the classes in their order.  logits: same shape, C at least 2.
    Returns (batch,), up to C - 1.

    Source: Epstein 1969, "A scoring system for probability forecasts of ranked categories"; as a
    network's loss: Hou, Yu and Samaras 2017, "Squared earth mover's distance-based loss for
    training deep neural networks".
    """
    several_columns("ranked_probability", "use bce", labels=labels, logits=logits)
    gap = tf.cumsum(tf.nn.softmax(logits) - labels, axis=-1)
    return tf.reduce_sum(tf.square(gap[:, :-1]), axis=-1) + 0 * gap[:, -1]


@tfloss.loss(
    latex=r"-\sum_{k<\min(y+1,K-1)}[y>k]\log\sigma(z_k)+[y=k]\log(1-\sigma(z_k))",
    range=(0, None),
    zero_at_optimum=True,
    domains={"labels": "classes*any"},
    family="classification",
)
def corn(labels: Any, logits: Any) -> Any:
    """CORN: is the class above the k-th, asked only of those who have come so far.

    labels: one-hot (batch, K), the classes in their order.
    logits: (batch, K - 1), one for each question.
    Returns (batch,), in nats: the sum over the questions that are asked. (The paper averages each
    question over those whom it is asked.)

    Source: Shi, Cao and Raschka 2023, "Deep neural networks for rank-consistent ordinal regression
    based on conditional probabilities".
    """
    several_columns("corn", "give a column per class", labels=labels)
    if columns(labels) != columns(logits) + 1 or not labels.shape[:1].is_compatible_with(
        logits.shape[:1]
    ):
        raise ValueError(
            f"'labels' has the shape {tuple(labels.shape)} and 'logits' {tuple(logits.shape)}, but "
            f"they must be (batch, K) and (batch, K - 1)."
        )
    come = tf.cumsum(labels, axis=-1, reverse=True)
    asked, above = come[:, :-1], come[:, 1:]
    cost = tf.nn.sigmoid_cross_entropy_with_logits(labels=above, logits=logits)
    return tf.reduce_sum(asked * cost, axis=-1)


@tfloss.loss(
    per="batch",
    same_shape=_SAME,
    latex=r"\frac{\sum_{ij}w_{ij}O_{ij}}{\sum_{ij}w_{ij}E_{ij}},\ w_{ij}=|i-j|^k,"
    r"\ E=\tfrac1n\,n_y\,n_{\hat y}^\top",
    range=(0, None),
    domains={"labels": "classes"},
    family="classification",
    example="ce + weighted_kappa",
)
def weighted_kappa(
    labels: Any, logits: Any, sample_weight: Any = None, *, power: Annotated[float, Above(0)] = 2.0
) -> Any:
    """Weighted kappa, from one: disagreement by distance, over what chance would give.

    labels: one-hot (batch, C), the classes in their order.  logits: same shape, C at least 2.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: 1 - kappa (the paper and TensorFlow Addons take its logarithm); 0 where chance
    has no disagreement.

    power: k, of the distance: 2 quadratic, 1 linear.

    Source: de la Torre, Puig and Valls 2018, "Weighted kappa loss function for multi-class
    classification of ordinal data in deep learning".
    """
    several_columns("weighted_kappa", "use bce", labels=labels, logits=logits)
    (truth, logits), weight = weighted_rows(sample_weight, labels=labels, logits=logits)
    probs = tf.nn.softmax(logits)
    places = tf.range(columns(logits), dtype=logits.dtype)
    apart = tf.abs(places[:, None] - places[None, :]) ** power
    total = tf.maximum(tf.reduce_sum(weight), 1e-12)
    truth = weight[:, None] * truth
    observed = tf.reduce_sum(tf.matmul(truth, apart) * probs)
    said = tf.reduce_sum(weight[:, None] * probs, axis=0)
    expected = tf.einsum("c,cd,d->", tf.reduce_sum(truth, axis=0), apart, said) / total
    nothing = expected <= 1e-9
    return tf.where(nothing, 0 * observed, observed / tf.where(nothing, 1 + 0 * expected, expected))


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [entmax, sparsemax, sord, ranked_probability, corn, weighted_kappa]
