"""Functions that see the whole batch, or change what the gradient sees."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast


@tfloss.function(on="tensors", across_batch=True, latex=r"\frac{{{0}-\overline{{{0}}}}}{{\sigma}}")
def standardise(x: Any, *, epsilon: Annotated[float, Above(0)] = 1e-5) -> Any:
    """Each column to mean 0 and variance 1 over the batch, as batch normalisation does it.

    x: (batch, …).  Returns the same shape; a column that is constant becomes zero, with a finite
    gradient.

    epsilon: added to the variance.

    Source: Ioffe and Szegedy 2015, "Batch normalization", algorithm 1; as scikit-learn's
    `StandardScaler` (divided by the number of rows, not by one less).
    """
    centred = x - tf.reduce_mean(x, axis=0, keepdims=True)
    variance = tf.reduce_mean(tf.square(centred), axis=0, keepdims=True)
    return centred * tf.math.rsqrt(variance + epsilon)


@tfloss.function(on="tensors", latex=r"\mathrm{{rank}}\left({0}\right)")
def soft_rank(x: Any, *, temperature: Annotated[float, Above(0)] = 1.0) -> Any:
    """Ranks within each row with a gradient: 1 for the smallest, n for the largest.

    x: (batch, n).  Returns (batch, n): one half plus, over all entries of the row, the sum of
    sigmoid((x_i - x_j)/temperature); memory grows as batch times n squared.

    temperature: the smaller, the nearer to whole ranks and the steeper the gradient.

    Source: Qin, Liu and Li 2010, "A general approximation framework for direct optimization of
    information retrieval measures", the approximated position, here in rising order.
    """
    if x.shape.rank != 2:
        raise ValueError(f"'soft_rank' ranks rows of (batch, n), not of shape {x.shape}.")
    differences = (x[:, :, None] - x[:, None, :]) / temperature
    return 0.5 + tf.reduce_sum(tf.math.sigmoid(differences), axis=2)


@tfloss.function(on="tensors", latex=r"\mathrm{{rev}}\left({0}\right)")
def reverse_gradient(x: Any, *, scale: Annotated[float, AtLeast(0)] = 1.0) -> Any:
    """The same values with the gradient's sign turned: adversarial training in one pass.

    x: any shape.  Returns the same.

    scale: what the turned gradient is multiplied by.

    Source: Ganin et al. 2016, "Domain-adversarial training of neural networks", section 4.2.
    """

    @tf.custom_gradient
    def turned(value: Any) -> tuple[Any, Any]:
        return tf.identity(value), lambda upstream: -scale * upstream

    return turned(x)


@tfloss.hookimpl
def tfloss_functions() -> list[Any]:
    """Register this module's functions."""
    return [standardise, soft_rank, reverse_gradient]
