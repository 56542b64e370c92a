"""Several labels at once, each a yes or no."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, OneOf
from tfloss.ops import LOWEST, columns, mean_per_example, several_columns

_SAME = ("labels", "logits")
_YES = {"labels": "yes_no"}


@tfloss.loss(
    same_shape=_SAME,
    latex=r"\log\Bigl(1+\sum_{y_c=0}e^{z_c}\Bigr)+\log\Bigl(1+\sum_{y_c=1}e^{-z_c}\Bigr)",
    range=(0, None),
    zero_at_optimum=True,
    domains=_YES,
    family="multi_label",
)
def zlpr(labels: Any, logits: Any) -> Any:
    """Zero-bounded log-sum-exp and pairwise rank: every yes above 0, every no below.

    labels: (batch, C), 0 or 1 each.  logits: same shape.
    Returns (batch,), in nats.

    Source: Su et al. 2022, "ZLPR: a novel loss for multi-label classification".
    """
    no = _log1p_sum(logits, 1 - labels)
    return no + _log1p_sum(-logits, labels)


def _log1p_sum(exponents: Any, counted: Any) -> Any:
    """log(1 + the sum of counted·e^exponents) of each row."""
    lowest = tf.constant(LOWEST, exponents.dtype)
    kept = tf.where(counted == 0, lowest, exponents + tf.math.log(tf.maximum(counted, 1e-30)))
    return tf.nn.softplus(tf.reduce_logsumexp(kept, axis=-1)) + 0 * tf.reduce_sum(counted, axis=-1)


@tfloss.loss(
    same_shape=_SAME,
    latex=r"\log\Bigl(1+\sum_{y_c=0,y_d=1}e^{(z_c-z_d)/T}\Bigr)",
    range=(0, None),
    zero_at_optimum=True,
    domains=_YES,
    family="multi_label",
)
def log_sum_exp_pairwise(
    labels: Any, logits: Any, *, temperature: Annotated[float, Above(0)] = 1.0
) -> Any:
    """Log-sum-exp pairwise (LSEP, two-way by examples): every yes scores above every no.

    labels: (batch, C), 0 or 1 each, C at least 2.  logits: same shape.
    Returns (batch,), in nats; 0 without a yes or without a no.

    temperature: T, what differences are divided by.

    Source: Li, Song and Luo 2017, "Improving pairwise ranking for multi-label image
    classification".
    """
    several_columns("log_sum_exp_pairwise", "use bce", labels=labels, logits=logits)
    lowest = tf.constant(LOWEST, logits.dtype)
    scaled = logits / temperature
    no = tf.reduce_logsumexp(tf.where(labels == 0, scaled, lowest), axis=-1)
    yes = tf.reduce_logsumexp(tf.where(labels == 1, -scaled, lowest), axis=-1)
    hidden = 0 * tf.reduce_sum(labels, axis=-1)
    return tf.nn.softplus(tf.maximum(no + yes, LOWEST)) + hidden


@tfloss.loss(
    same_shape=_SAME,
    latex=r"\frac1{|Y||\bar Y|}\sum_{y_c=0,y_d=1}e^{z_c-z_d}",
    range=(0, None),
    domains={"labels": "yes_no", "logits": "log_amounts"},
    family="multi_label",
)
def bp_mll(labels: Any, logits: Any) -> Any:
    """BP-MLL: exponential loss of each pair of a yes and a no.

    labels: (batch, C), 0 or 1 each, C at least 2.  logits: same shape; differences above 88 are
    infinite in float32, so let a tanh stand before it, as in the paper.
    Returns (batch,): the mean over pairs; 0 without a yes or without a no.

    Source: Zhang and Zhou 2006, "Multilabel neural networks with applications to functional
    genomics and text categorization", eq. 5.
    """
    several_columns("bp_mll", "use bce", labels=labels, logits=logits)
    yes = tf.reduce_sum(labels * tf.exp(-logits), axis=-1)
    no = tf.reduce_sum((1 - labels) * tf.exp(logits), axis=-1)
    pairs = tf.reduce_sum(labels, axis=-1) * tf.reduce_sum(1 - labels, axis=-1)
    return yes * no / tf.maximum(pairs, 1)


@tfloss.loss(
    same_shape=_SAME,
    latex=r"\frac1C\sum_{y_d=1}\sum_{y_c=0}\max\bigl(0,1-(z_d-z_c)\bigr)",
    range=(0, None),
    zero_at_optimum=True,
    domains=_YES,
    kinks=("a pair is just a margin apart",),
    family="multi_label",
)
def multi_label_margin(labels: Any, logits: Any) -> Any:
    """Multi-label margin loss: every yes leads every no by one, as MultiLabelMarginLoss in torch.

    labels: (batch, C), 0 or 1 each, C at least 2.  logits: same shape.
    Returns (batch,): the sum over pairs divided by C.

    Source: Weston and Watkins 1999, "Support vector machines for multi-class pattern recognition";
    as in torch.
    """
    several_columns("multi_label_margin", "use hinge", labels=labels, logits=logits)
    short = tf.nn.relu(1 - logits[:, :, None] + logits[:, None, :])
    pairs = labels[:, :, None] * (1 - labels)[:, None, :]
    return tf.reduce_sum(pairs * short, axis=[1, 2]) / columns(logits)


@tfloss.loss(
    same_shape=_SAME,
    latex=r"\frac1C\sum_{c\ne y}\max(0,m-z_y+z_c)^p",
    range=(0, None),
    zero_at_optimum=True,
    kinks=("a class is just a margin behind",),
    family="multi_label",
    example="multi_margin(margin=0.5)",
)
def multi_margin(
    labels: Any,
    logits: Any,
    *,
    margin: Annotated[float, Above(0)] = 1.0,
    power: Annotated[int, OneOf(1, 2)] = 1,
) -> Any:
    """Multi-class margin loss: the true class leads each other by a margin, as in torch.

    categorical_hinge takes the worst other class only.

    labels: one-hot (batch, C), C at least 2.  logits: same shape.
    Returns (batch,): the sum over the other classes divided by C.

    margin: m.
    power: p, 1 or 2.

    Source: Weston and Watkins 1999, "Support vector machines for multi-class pattern recognition";
    as MultiMarginLoss in torch.
    """
    several_columns("multi_margin", "use hinge", labels=labels, logits=logits)
    own = tf.reduce_sum(labels * logits, axis=-1, keepdims=True)
    short = (1 - labels) * tf.nn.relu(margin - own + logits) ** power
    return tf.reduce_sum(short, axis=-1) / columns(logits)


@tfloss.loss(
    elementwise=True,
    same_shape=_SAME,
    latex=r"\frac1C\sum_cy_c\log(1+e^{-(z_c-m)})+(1-y_c)(\lambda-p_c)p_c^2,\ p=\sigma(z)",
    domains=_YES,
    family="multi_label",
)
def hill(
    labels: Any,
    logits: Any,
    *,
    margin: float = 1.0,
    strength: Annotated[float, AtLeast(1)] = 1.5,
) -> Any:
    """Hill loss: a no that the student is sure to be a yes is taken as a label that is missing.

    labels: (batch, C), 0 or 1 each.  logits: same shape.
    Returns (batch,): the mean over columns; a no costs most in the middle.

    margin: m, of the logits of a yes.
    strength: λ, at least 1.

    Source: Zhang et al. 2021, "Simple and robust loss design for multi-label learning with missing
    labels", the Hill loss, with a shifted cross-entropy for each yes.
    """
    p = tf.sigmoid(logits)
    no = (strength - p) * tf.square(p)
    return mean_per_example(labels * tf.nn.softplus(margin - logits) + (1 - labels) * no)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [
        zlpr,
        log_sum_exp_pairwise,
        bp_mll,
        multi_label_margin,
        multi_margin,
        hill,
    ]
