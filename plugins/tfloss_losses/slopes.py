"""Penalties on how fast the student's answers change with its inputs.

The slopes come from `grad` and `jacobian` in the formula:
`bce + 10*gradient_penalty(grad(logits, inputs))`.
"""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import AtLeast
from tfloss.ops import as_rows


@tfloss.loss(
    latex=r"\bigl(\Vert g\Vert_2-c\bigr)^2",
    range=(0, None),
    family="penalty",
    kinks=("tf.reduce_sum(slopes**2) == 0",),
    example="bce + 10*gradient_penalty(grad(logits, inputs))",
)
def gradient_penalty(slopes: Any, *, target: Annotated[float, AtLeast(0)] = 1.0) -> Any:
    """Gradient penalty: slopes whose length is not the wanted one, as a critic of a WGAN needs.

    slopes: (batch, …): gradient_penalty(grad(logits, inputs)).
    Returns (batch,).

    target: the wanted length c, 0 or more.

    Source: Gulrajani et al. 2017, "Improved training of Wasserstein GANs", eq. 3.
    """
    rows = as_rows(slopes)
    # Divided by the largest slope before squaring, so that neither 1e-30 nor 1e30 gets lost; the
    # length of nothing has the gradient zero.
    largest = tf.stop_gradient(tf.reduce_max(tf.abs(rows), axis=-1, keepdims=True))
    unit = tf.where(largest == 0, tf.ones_like(largest), largest)
    square = tf.reduce_sum(tf.square(rows / unit), axis=-1)
    root = tf.sqrt(tf.where(square == 0, tf.ones_like(square), square))
    length = unit[:, 0] * tf.where(square == 0, tf.zeros_like(root), root)
    return tf.square(length - target)


@tfloss.loss(
    latex=r"\Vert J\Vert_F^2",
    range=(0, None),
    zero_at_optimum=True,
    family="penalty",
    example="ce + 0.01*jacobian_penalty(jacobian(hidden1, inputs))",
)
def jacobian_penalty(slopes: Any) -> Any:
    """Contractive penalty: the squared Frobenius norm of a Jacobian.

    slopes: (batch, …): jacobian_penalty(jacobian(hidden1, inputs)); with grad(…) that of the sum of
    a layer's units.
    Returns (batch,).

    Source: Rifai et al. 2011, "Contractive auto-encoders", section 2.
    """
    return tf.reduce_sum(tf.square(as_rows(slopes)), axis=-1)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [gradient_penalty, jacobian_penalty]
