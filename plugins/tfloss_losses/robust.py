"""Regression that outliers do not spoil, and errors that count from some size on only."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast
from tfloss.ops import mean_per_example


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "prediction"),
    latex=r"\frac1k\sum_j\frac{|\alpha-2|}\alpha\Bigl(\Bigl(\frac{(e_j/c)^2}{|\alpha-2|}"
    r"+1\Bigr)^{\alpha/2}-1\Bigr)",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    family="robust",
)
def general_robust(
    labels: Any, prediction: Any, *, alpha: float = 1.0, scale: Annotated[float, Above(0)] = 1.0
) -> Any:
    """Barron's general robust loss: one setting leads from mse over Charbonnier to Welsch.

    labels, prediction: (batch, …), the same shape.
    Returns (batch,): the mean over all axes but the first.

    alpha: 2 is half the squared error, 1 Charbonnier's, 0 Cauchy's, -2 Geman and McClure's; the
        smaller, the less an outlier counts. Towards minus infinity it is welsch.
    scale: c, from where an error is an outlier, in the target's unit; positive.

    Source: Barron 2019, "A general and adaptive robust loss function", eq. 1 and its limits.
    """
    square = tf.square((labels - prediction) / scale)
    if alpha == 2:
        return mean_per_example(square) / 2
    if alpha == 0:
        return mean_per_example(tf.math.log1p(square / 2))
    bend = abs(alpha - 2)
    power = tf.math.expm1(alpha / 2 * tf.math.log1p(square / bend))
    return mean_per_example(bend / alpha * power)


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "prediction"),
    latex=r"\frac1k\sum_j\log\bigl(1+\tfrac12(e_j/c)^2\bigr)",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    family="robust",
)
def cauchy(labels: Any, prediction: Any, *, scale: Annotated[float, Above(0)] = 1.0) -> Any:
    """Cauchy (Lorentzian) loss: outliers count by the logarithm of their size.

    labels, prediction: (batch, …), the same shape.
    Returns (batch,): the mean over all axes but the first.

    scale: c, from where an error is an outlier, in the target's unit; positive.

    Source: Black and Anandan 1996, "The robust estimation of multiple motions"; in this form Barron
    2019, "A general and adaptive robust loss function".
    """
    return mean_per_example(tf.math.log1p(tf.square((labels - prediction) / scale) / 2))


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "prediction"),
    latex=r"\frac1k\sum_j\frac{2(e_j/c)^2}{(e_j/c)^2+4}",
    range=(0, 2),
    zero_at_optimum=True,
    symmetric=True,
    family="robust",
)
def geman_mcclure(labels: Any, prediction: Any, *, scale: Annotated[float, Above(0)] = 1.0) -> Any:
    """Geman-McClure loss: bounded, so that an outlier hardly pulls at all.

    labels, prediction: (batch, …), the same shape.
    Returns (batch,): the mean over all axes but the first.

    scale: c, from where an error is an outlier, in the target's unit; positive.

    Source: Geman and McClure 1985, "Bayesian image analysis: an application to single photon
    emission tomography"; in this form Barron 2019, "A general and adaptive robust loss function".
    """
    square = tf.square((labels - prediction) / scale)
    return mean_per_example(2 * square / (square + 4))


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "prediction"),
    latex=r"\frac1k\sum_j1-e^{-\frac12(e_j/c)^2}",
    range=(0, 1),
    zero_at_optimum=True,
    symmetric=True,
    family="robust",
)
def welsch(labels: Any, prediction: Any, *, scale: Annotated[float, Above(0)] = 1.0) -> Any:
    """Welsch (Leclerc, correntropy) loss: an outlier is left alone, with a gradient of zero.

    labels, prediction: (batch, …), the same shape.
    Returns (batch,): the mean over all axes but the first.

    scale: c, from where an error is an outlier, in the target's unit; positive.

    Source: Dennis and Welsch 1978, "Techniques for nonlinear least squares and robust regression".
    """
    return mean_per_example(-tf.math.expm1(-tf.square((labels - prediction) / scale) / 2))


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "prediction"),
    latex=r"\frac1k\sum_j\frac{c^2}6\bigl(1-\max(0,1-(e_j/c)^2)^3\bigr)",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    family="robust",
)
def tukey(labels: Any, prediction: Any, *, scale: Annotated[float, Above(0)] = 4.685) -> Any:
    """Tukey's biweight: nearly quadratic, and constant from `scale` on.

    labels, prediction: (batch, …), the same shape.
    Returns (batch,): the mean over all axes but the first.

    scale: c, in the target's unit; positive. At its default it has 95 % of the efficiency of least
        squares on Gaussian noise of deviation 1.

    Source: Beaton and Tukey 1974, "The fitting of power series, meaning polynomials, illustrated on
    band-spectroscopic data"; of a network: Belagiannis et al. 2015, "Robust optimization for deep
    regression".
    """
    inside = tf.nn.relu(1 - tf.square((labels - prediction) / scale))
    return mean_per_example(scale**2 / 6 * (1 - inside**3))


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "prediction"),
    latex=r"\frac1k\sum_jc^2\bigl(|e_j|/c-\log(1+|e_j|/c)\bigr)",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    family="robust",
)
def fair(labels: Any, prediction: Any, *, scale: Annotated[float, Above(0)] = 1.3998) -> Any:
    """Fair's loss: between squared and absolute error, with every derivative there.

    labels, prediction: (batch, …), the same shape.
    Returns (batch,): the mean over all axes but the first.

    scale: c, in the target's unit; positive.

    Source: Fair 1974, "On the robust estimation of econometric models".
    """
    size = tf.abs((labels - prediction) / scale)
    return mean_per_example(scale**2 * (size - tf.math.log1p(size)))


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "prediction"),
    latex=r"\frac1k\sum_j\begin{cases}|e_j|&|e_j|\le c\\(e_j^2+c^2)/2c&|e_j|>c\end{cases}",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    kinks=("labels == prediction",),
    family="robust",
)
def berhu(labels: Any, prediction: Any, *, delta: Annotated[float, Above(0)] = 1.0) -> Any:
    """Reverse Huber loss: absolute for small errors, squared for large ones; for depth maps.

    labels, prediction: (batch, …), the same shape.
    Returns (batch,): the mean over all axes but the first.

    delta: c, where it turns from one to the other, in the target's unit; positive.

    Source: Owen 2007, "A robust hybrid of lasso and ridge regression"; Laina et al. 2016, "Deeper
    depth prediction with fully convolutional residual networks", with a fixed c.
    """
    size = tf.abs(labels - prediction)
    return mean_per_example(
        tf.where(size <= delta, size, (tf.square(size) + delta**2) / (2 * delta))
    )


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "prediction"),
    latex=r"\frac1k\sum_j\max(0,|e_j|-\epsilon)",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    kinks=("|labels - prediction| == epsilon",),
    family="robust",
)
def epsilon_insensitive(
    labels: Any, prediction: Any, *, epsilon: Annotated[float, AtLeast(0)] = 0.1
) -> Any:
    """Support vector regression: errors up to epsilon cost nothing.

    labels, prediction: (batch, …), the same shape.
    Returns (batch,): the mean over all axes but the first.

    epsilon: in the target's unit, 0 or more.

    Source: Vapnik 1995, "The nature of statistical learning theory"; as in scikit-learn.
    """
    return mean_per_example(tf.nn.relu(tf.abs(labels - prediction) - epsilon))


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "prediction"),
    latex=r"\frac1k\sum_j\max(0,|e_j|-\epsilon)^2",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    family="robust",
)
def squared_epsilon_insensitive(
    labels: Any, prediction: Any, *, epsilon: Annotated[float, AtLeast(0)] = 0.1
) -> Any:
    """Squared support vector regression: errors up to epsilon cost nothing, others by the square.

    labels, prediction: (batch, …), the same shape.
    Returns (batch,): the mean over all axes but the first.

    epsilon: in the target's unit, 0 or more.

    Source: Vapnik 1995, "The nature of statistical learning theory"; as in scikit-learn.
    """
    return mean_per_example(tf.square(tf.nn.relu(tf.abs(labels - prediction) - epsilon)))


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "prediction"),
    latex=r"\frac1k\sum_j\begin{cases}\omega\log\bigl(1+|e_j/\epsilon|^{\alpha-y_j}\bigr)"
    r"&|e_j|<\theta\\A_j|e_j|-C_j&|e_j|\ge\theta\end{cases}",
    range=(0, None),
    zero_at_optimum=True,
    domains={"labels": "chances"},
    family="robust",
    example="adaptive_wing(labels=teacher, prediction=sigmoid(logits))",
)
def adaptive_wing(
    labels: Any,
    prediction: Any,
    *,
    omega: Annotated[float, Above(0)] = 14.0,
    theta: Annotated[float, Above(0)] = 0.5,
    epsilon: Annotated[float, Above(0)] = 1.0,
    alpha: Annotated[float, Above(2)] = 2.1,
) -> Any:
    """Adaptive wing loss, for heat maps: exact near a peak, lenient where nothing is.

    labels: (batch, …), in [0, 1].  prediction: same shape.
    Returns (batch,): the mean over all axes but the first.

    omega: the height of the bend, positive.
    theta: the error from which it is linear, positive.
    epsilon: the width of the bend, positive.
    alpha: the exponent where the label is 0, above 2.

    Source: Wang, Bo and Fuxin 2019, "Adaptive wing loss for robust face alignment via heatmap
    regression", eq. 3.
    """
    size = tf.abs(labels - prediction)
    power = alpha - labels
    ratio = theta / epsilon
    bend = tf.pow(tf.constant(ratio, power.dtype), power)
    slope = omega / epsilon * power * tf.pow(tf.constant(ratio, power.dtype), power - 1)
    slope /= 1 + bend
    offset = theta * slope - omega * tf.math.log1p(bend)
    near = tf.minimum(size, theta)
    # The root of 0 has no slope; the power is above 1, so that the slope there is 0.
    raised = tf.exp(power * tf.math.log(tf.maximum(near / epsilon, 1e-20)))
    inner = omega * tf.math.log1p(raised)
    return mean_per_example(tf.where(size < theta, inner, slope * size - offset))


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "prediction"),
    latex=r"\frac{c^2}k\sum_j\arctan\bigl((e_j/c)^2\bigr)",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    family="robust",
)
def arctan(labels: Any, prediction: Any, *, scale: Annotated[float, Above(0)] = 1.0) -> Any:
    """Arctangent loss: the squared error as in scipy's robust least squares, bounded.

    labels, prediction: (batch, …), the same shape.
    Returns (batch,): the mean over all axes but the first of c²·arctan((e/c)²).

    scale: c, from where an error is an outlier, in the target's unit; positive.

    Source: as in scipy.optimize.least_squares, loss='arctan'.
    """
    square = tf.square((labels - prediction) / scale)
    return mean_per_example(scale**2 * tf.atan(square))


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [
        general_robust,
        cauchy,
        geman_mcclure,
        welsch,
        tukey,
        fair,
        berhu,
        epsilon_insensitive,
        squared_epsilon_insensitive,
        adaptive_wing,
        arctan,
    ]
