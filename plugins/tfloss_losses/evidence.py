"""Classification that knows what it does not know: evidence for each class instead of a share."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import AtLeast
from tfloss.ops import several_columns


@tfloss.loss(
    same_shape=("labels", "logits"),
    latex=r"\sum_c(y_c-\hat p_c)^2+\frac{\hat p_c(1-\hat p_c)}{S+1}"
    r"+\lambda\,\mathrm{KL}\bigl(\mathrm{Dir}(\tilde\alpha)\Vert\mathrm{Dir}(1)\bigr),"
    r"\ \alpha=1+[z]_+,\ \hat p=\alpha/S",
    range=(0, None),
    zero_at_optimum=False,
    kinks=("logits == 0",),
    family="classification",
    example="linear(1, 0, epochs=10)*evidential(penalty=0)"
    " + linear(0, 1, epochs=10)*evidential(penalty=1)",
)
def evidential(labels: Any, logits: Any, *, penalty: Annotated[float, AtLeast(0)] = 0.1) -> Any:
    """Evidential loss: the student gives a Dirichlet distribution, wide where it has seen nothing.

    labels: one-hot (batch, C), C of 2 or more.
    logits: same shape; above 0 they are the evidence for a class, below there is none.
    Returns (batch,): expected squared error, and what misleading evidence costs.

    penalty: lambda, 0 or more: the weight of evidence for wrong classes. The paper raises it from 0
        to 1 in training: linear(1, 0, epochs=10)*evidential(penalty=0) +
        linear(0, 1, epochs=10)*evidential(penalty=1).

    Source: Sensoy, Kaplan and Kandemir 2018, "Evidential deep learning to quantify classification
    uncertainty", eq. 5 and section 4.
    """
    several_columns("evidential", "give each class its column", logits=logits)
    alpha = 1 + tf.nn.relu(logits)
    strength = tf.reduce_sum(alpha, axis=-1, keepdims=True)
    p = alpha / strength
    error = tf.math.squared_difference(labels, p) + p * (1 - p) / (strength + 1)
    misleading = labels + (1 - labels) * alpha
    return tf.reduce_sum(error, axis=-1) + penalty * _from_uniform(misleading)


def _from_uniform(alpha: Any) -> Any:
    """KL(Dir(alpha) ‖ Dir(1)), (batch,), in double precision: it is a difference of large terms."""
    wide = tf.cast(alpha, tf.float64)
    total = tf.reduce_sum(wide, axis=-1)
    ones = tf.reduce_sum(tf.ones_like(wide), axis=-1)
    peak = tf.math.lgamma(total) - tf.math.lgamma(ones)
    expected = tf.math.digamma(wide) - tf.math.digamma(total)[:, None]
    rest = (wide - 1) * expected - tf.math.lgamma(wide)
    return tf.cast(peak + tf.reduce_sum(rest, axis=-1), alpha.dtype)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [evidential]
