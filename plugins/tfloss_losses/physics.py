"""What is known of a function besides its values: equations, slopes, shapes, conserved amounts.

Slopes come from `grad` in the formula: `mse + 0.1*residual(grad(prediction, inputs) + prediction)`.
"""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast
from tfloss.ops import (
    as_rows,
    columns,
    mean_per_example,
    same_shape,
    squared_distances,
    weighted_mean,
    weighted_rows,
)


@tfloss.loss(
    latex=r"\frac1k\sum_jr_j^2",
    range=(0, None),
    zero_at_optimum=True,
    example="mse + 0.1*residual(grad(prediction, inputs) + 2*prediction)",
)
def residual(expression: Any) -> Any:
    """Residual of an equation: an expression that shall be zero everywhere, its mean square.

    expression: (batch, …), any expression of tensors, with grad(…) for derivatives: decay at rate 2
    is residual(grad(prediction, inputs) + 2*prediction).
    Returns (batch,): the mean over all axes but the first.

    Source: Raissi, Perdikaris and Karniadakis 2019, "Physics-informed neural networks", eq. 4.
    """
    return tf.reduce_mean(tf.square(as_rows(expression)), axis=-1)


@tfloss.loss(
    same_shape=(("labels", "prediction"), ("slope", "gradient")),
    latex=r"\frac1k\sum_j(\hat y_j-y_j)^2+\frac\lambda m\sum_i(\hat g_i-g_i)^2",
    range=(0, None),
    zero_at_optimum=True,
    domains={"slope": "numbers*any", "gradient": "numbers*any"},
    example="sobolev(gradient=grad(prediction, inputs), weight=0.1)",
)
def sobolev(
    labels: Any,
    prediction: Any,
    slope: Any,
    gradient: Any,
    *,
    weight: Annotated[float, AtLeast(0)] = 1.0,
) -> Any:
    """Sobolev training: values and slopes at once: sobolev(gradient=grad(prediction, inputs)).

    labels, prediction: (batch, k), the same shape.
    slope: (batch, m), the wanted derivatives by the inputs.  gradient: same shape, the student's.
    Returns (batch,): the mean squared error of the values plus that of the slopes.

    weight: lambda, of the slopes, 0 or more.

    Source: Czarnecki et al. 2017, "Sobolev training for neural networks", eq. 1.
    """
    same_shape(prediction=as_rows(prediction)[:, 0], gradient=as_rows(gradient)[:, 0])
    values = mean_per_example(tf.math.squared_difference(prediction, labels))
    return values + weight * mean_per_example(tf.math.squared_difference(gradient, slope))


@tfloss.loss(
    latex=r"\frac1m\sum_i\max(0,-d\,g_i)^2",
    range=(0, None),
    zero_at_optimum=True,
    example="mse + monotonic(grad(prediction, inputs))",
)
def monotonic(gradient: Any, *, increasing: bool = True) -> Any:
    """Monotonicity: slopes of the wrong sign cost their square.

    gradient: (batch, m), the derivatives by those inputs in which the function shall be monotonic:
    monotonic(grad(prediction, inputs)).
    Returns (batch,): the mean over the m inputs.

    increasing: the direction d: true for growing, false for falling.

    Source: Gupta et al. 2019, "How to incorporate monotonicity in deep networks while preserving
    flexibility?", with the slopes squared.
    """
    wrong = -gradient if increasing else gradient
    return mean_per_example(tf.square(tf.nn.relu(wrong)))


@tfloss.loss(
    same_shape=("inputs", "gradient"),
    per="batch",
    latex=r"\mathrm{mean}_{i,j}\max\bigl(0,f_i+g_i^\top(x_j-x_i)-f_j\bigr)^2",
    range=(0, None),
    zero_at_optimum=True,
    domains={"inputs": "numbers*any", "gradient": "numbers*any"},
    example="mse + convex(gradient=grad(prediction, inputs))",
)
def convex(
    prediction: Any,
    inputs: Any,
    gradient: Any,
    sample_weight: Any = None,
    *,
    concave: bool = False,
) -> Any:
    """Convexity: the tangent at any example lies below the function at all others.

    prediction: (batch, 1).  inputs: (batch, m).
    gradient: (batch, m), the derivative by the inputs: convex(gradient=grad(prediction, inputs)).
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: the mean squared violation over pairs of examples.

    concave: true asks for the opposite.

    Source: the first-order condition of Boyd and Vandenberghe 2004, "Convex optimization", eq. 3.2.
    """
    if columns(prediction) != 1 or len(prediction.shape) != 2:
        raise ValueError(
            f"'convex' needs one column but 'prediction' has shape {tuple(prediction.shape)}."
        )
    (values, x, slopes), weight = weighted_rows(
        sample_weight, prediction=prediction, inputs=inputs, gradient=gradient
    )
    # From example i to j; a matrix product of centred inputs keeps the digits and the memory.
    x = tf.cast(x, tf.float64)
    x -= tf.reduce_mean(x, axis=0, keepdims=True)
    along = tf.matmul(tf.cast(slopes, tf.float64), x, transpose_b=True)
    rise = tf.cast(along - tf.linalg.diag_part(along)[:, None], values.dtype)
    excess = values + rise - tf.transpose(values)
    violation = tf.nn.relu(-excess if concave else excess)
    return weighted_mean(tf.square(violation), weight[:, None] * weight[None, :])


@tfloss.loss(
    per="batch",
    latex=r"\frac{\sum_{i,j}w_{ij}\Vert f_i-f_j\Vert^2}{\sum_{i,j}w_{ij}},"
    r"\ w_{ij}=e^{-\Vert x_i-x_j\Vert^2/2h^2}",
    range=(0, None),
    zero_at_optimum=None,
    domains={"inputs": "numbers*any"},
    example="mse + 0.1*smoothness",
)
def smoothness(
    prediction: Any,
    inputs: Any,
    sample_weight: Any = None,
    *,
    bandwidth: Annotated[float, Above(0)] = 1.0,
) -> Any:
    """Smoothness: examples that lie near each other get answers that are near each other.

    prediction: (batch, …).  inputs: (batch, …), where the examples lie, scaled alike.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: the mean squared difference of answers, weighed by nearness. For the size of
    slopes as such use residual(grad(prediction, inputs)).

    bandwidth: h, the distance up to which examples are near, positive.

    Source: Belkin, Niyogi and Sindhwani 2006, "Manifold regularization", eq. 7 and section 2.
    """
    (values, x), weight = weighted_rows(sample_weight, prediction=prediction, inputs=inputs)
    near = tf.exp(-squared_distances(x, x) / (2 * bandwidth**2))
    return weighted_mean(squared_distances(values, values), weight[:, None] * weight * near)


@tfloss.loss(
    latex=r"\Bigl(\sum_ja_j-\sum_jb_j\Bigr)^2",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    domains={"after": "numbers*any"},
    example="mse + 0.1*conservation(inputs, prediction)",
)
def conservation(before: Any, after: Any) -> Any:
    """Conservation: what goes in comes out again, in sum: mass, energy, charge, money.

    before, after: (batch, …), amounts, of any widths; scale columns within the formula if their
    units differ.
    Returns (batch,): the squared difference of the sums over all axes but the first.

    Source: Beucler et al. 2021, "Enforcing analytic constraints in neural networks emulating
    physical systems", eq. 3, as a soft constraint.
    """
    sums = [tf.reduce_sum(as_rows(amounts), axis=-1) for amounts in (before, after)]
    same_shape(before=sums[0], after=sums[1])
    return tf.math.squared_difference(*sums)


@tfloss.loss(
    per="batch",
    latex=r"\mathrm{mean}_i\,w_ir_i^2,\ w_i=\exp\Bigl(-\epsilon\sum_{t<t_i}"
    r"\mathrm{mean}_{t_j=t}r_j^2\Bigr)",
    range=(0, None),
    zero_at_optimum=None,
    domains={"expression": "numbers", "time": "times"},
    exempt={"gradient equals finite differences": "the weights w are constants in the gradient"},
    example="causal_residual(hidden1, time)",
)
def causal_residual(
    expression: Any,
    time: Any,
    sample_weight: Any = None,
    *,
    tolerance: Annotated[float, AtLeast(0)] = 1.0,
) -> Any:
    """Causal residual: a moment counts once the equation holds at all earlier ones.

    expression: (batch, …), what shall be zero, as of `residual`.
    time: (batch,), when; examples of one time are one moment.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: the weighted mean of mean squares. No gradient flows through the weights w.

    tolerance: ε, how fast a moment's weight falls with what is left before it, 0 or more.

    Source: Wang, Sankaran and Perdikaris 2022, "Respecting causality is all you need for training
    physics-informed neural networks", eq. 2.12 and 2.13.
    """
    (rows, when), weight = weighted_rows(sample_weight, expression=expression, time=time[:, None])
    # Comparing hides a NaN among the times; this does not.
    square = tf.reduce_mean(tf.square(rows), axis=-1) + 0 * when[:, 0]
    same = weight * tf.cast(when == tf.transpose(when), square.dtype)
    share = tf.math.divide_no_nan(weight, tf.reduce_sum(same, axis=-1))
    earlier = tf.cast(tf.transpose(when) < when, square.dtype)
    left = tf.linalg.matvec(earlier, share * square)
    return weighted_mean(tf.stop_gradient(tf.exp(-tolerance * left)) * square, weight)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [residual, sobolev, monotonic, convex, smoothness, conservation, causal_residual]
