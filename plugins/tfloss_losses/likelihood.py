"""Regression by the likelihood of a distribution whose parameters the student predicts.

Parameters that must be positive are predicted by their logarithms, so that every output is allowed.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, Interval
from tfloss.ops import bounded, columns, mean_per_example, same_shape


@tfloss.loss(
    latex=r"\frac1k\sum_j\tfrac12\Bigl(\log2\pi+s_j+(y_j-\mu_j)^2e^{-s_j}\Bigr)",
    zero_at_optimum=False,
    domains={"prediction": "numbers*2"},
    family="regression",
    example="gaussian_nll(prediction=concat(hidden1, hidden2))",
)
def gaussian_nll(
    labels: Any, prediction: Any, *, smallest: Annotated[float, Above(0)] = 1e-6
) -> Any:
    """Gaussian negative log-likelihood: the student predicts a mean and how unsure it is.

    labels: (batch, k).  prediction: (batch, 2k), k means and then k logarithms of variances; two
    tensors are put together by concat(mean, log_var).
    Returns (batch,), in nats: the mean over the k targets; negative where variances are small.

    smallest: the variance below which none is taken, in the target's unit squared; positive.

    Source: Nix and Weigend 1994, "Estimating the mean and variance of the target".
    """
    mean, log_variance = _halves(labels, prediction)
    log_variance = bounded(log_variance, math.log(smallest), math.inf)
    square = tf.math.squared_difference(labels, mean) * tf.exp(-log_variance)
    return mean_per_example(math.log(2 * math.pi) + log_variance + square) / 2


@tfloss.loss(
    latex=r"\frac1k\sum_j\lfloor e^{\beta s_j}\rfloor\,\tfrac12\Bigl(\log2\pi+s_j"
    r"+(y_j-\mu_j)^2e^{-s_j}\Bigr)",
    zero_at_optimum=False,
    domains={"prediction": "numbers*2"},
    exempt={"gradient equals finite differences": "the weight is a constant in its gradient"},
    family="regression",
    example="beta_nll(prediction=concat(hidden1, hidden2), beta=0.5)",
)
def beta_nll(
    labels: Any,
    prediction: Any,
    *,
    beta: Annotated[float, Interval(0, 1)] = 0.5,
    smallest: Annotated[float, Above(0)] = 1e-6,
) -> Any:
    """Gaussian likelihood weighted by the variance, so that unsure examples are learnt as well.

    labels: (batch, k).  prediction: (batch, 2k), k means and then k logarithms of variances; two
    tensors are put together by concat(mean, log_var).
    Returns (batch,): the mean over the k targets of gaussian_nll times the variance to the power of
    beta, which has no gradient of its own.

    beta: 0 is gaussian_nll; at 1 the means learn as by the mean squared error.
    smallest: the variance below which none is taken, in the target's unit squared; positive.

    Conventions: a mean over the targets, with the likelihood's constant; the authors' code sums
    them and leaves ½ log 2π out, with the same gradient times k.

    Source: Seitzer et al. 2022, "On the pitfalls of heteroscedastic uncertainty estimation with
    probabilistic neural networks".
    """
    mean, log_variance = _halves(labels, prediction)
    # Above e^80 a weight would leave float32.
    log_variance = bounded(log_variance, math.log(smallest), 80.0)
    weight = tf.stop_gradient(tf.exp(beta * log_variance))
    square = tf.math.squared_difference(labels, mean) * tf.exp(-log_variance)
    return mean_per_example(weight * (math.log(2 * math.pi) + log_variance + square)) / 2


@tfloss.loss(
    latex=r"\frac1k\sum_j\log2+s_j+|y_j-\mu_j|e^{-s_j}",
    zero_at_optimum=False,
    kinks=("labels == median",),
    domains={"prediction": "numbers*2"},
    family="regression",
    example="laplace_nll(prediction=concat(hidden1, hidden2))",
)
def laplace_nll(
    labels: Any, prediction: Any, *, smallest: Annotated[float, Above(0)] = 1e-6
) -> Any:
    """Laplace negative log-likelihood: a median and its scale, for noise with outliers.

    labels: (batch, k).  prediction: (batch, 2k), k medians and then k logarithms of scales; two
    tensors are put together by concat(median, log_scale).
    Returns (batch,), in nats: the mean over the k targets; negative where scales are small.

    smallest: the scale below which none is taken, in the target's unit; positive.

    Source: the density of Laplace 1774; as a loss: Kendall and Gal 2017, section 3.
    """
    median, log_scale = _halves(labels, prediction)
    log_scale = bounded(log_scale, math.log(smallest), math.inf)
    error = tf.abs(labels - median) * tf.exp(-log_scale)
    return mean_per_example(math.log(2) + log_scale + error)


def _halves(labels: Any, prediction: Any) -> tuple[Any, Any]:
    """The location's and the spread's columns, each of the labels' shape."""
    if columns(prediction) != 2 * columns(labels):
        raise ValueError(
            f"'prediction' has {columns(prediction)} columns for {columns(labels)} of 'labels'; "
            f"it needs twice as many: locations, then logarithms of spreads."
        )
    location, spread = tf.split(prediction, 2, axis=-1)
    same_shape(labels=labels, location=location)
    return location, spread


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "prediction"),
    latex=r"\frac1k\sum_je^{z_j}-y_jz_j",
    zero_at_optimum=False,
    domains={"labels": "counts", "prediction": "log_amounts"},
    link="log",
    family="regression",
)
def poisson(labels: Any, prediction: Any) -> Any:
    """Poisson negative log-likelihood, for counts; the term log y! is left out, as it is constant.

    labels: (batch, …), 0 or more.  prediction: same shape, the logarithm z of the expected count;
    infinite above 88 in float32.
    Returns (batch,): the mean over all axes but the first.

    Source: Nelder and Wedderburn 1972, "Generalized linear models", section 3.
    """
    return mean_per_example(tf.exp(prediction) - labels * prediction)


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "prediction"),
    latex=r"\frac2k\sum_j\frac{y_j^{2-p}}{(1-p)(2-p)}-\frac{y_j\mu_j^{1-p}}{1-p}"
    r"+\frac{\mu_j^{2-p}}{2-p},\ \mu=e^z",
    range=(0, None),
    zero_at_optimum=True,
    domains={"labels": "amounts", "prediction": "log_amounts"},
    link="log",
    family="regression",
)
def tweedie(
    labels: Any, prediction: Any, *, power: Annotated[float, Interval(1, 2, "neither")] = 1.5
) -> Any:
    """Tweedie deviance, for amounts of which many are exactly zero: rain, insurance claims.

    labels: (batch, …), 0 or more.  prediction: same shape, the logarithm z of the expected amount.
    Returns (batch,): the mean over all axes but the first.

    power: p, between 1 (as poisson) and 2 (as gamma); the variance is the mean to this power.

    Source: Jørgensen 1987, "Exponential dispersion models"; as in scikit-learn.
    """
    # The root of a label of 0 is 0, but its slope is infinite: both branches must be finite.
    amount = tf.where(labels > 0, tf.maximum(labels, 1e-30) ** (2 - power), tf.zeros_like(labels))
    own = amount / ((1 - power) * (2 - power))
    crossed = labels * tf.exp((1 - power) * prediction) / (1 - power)
    expected = tf.exp((2 - power) * prediction) / (2 - power)
    return 2 * mean_per_example(own - crossed + expected)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [gaussian_nll, beta_nll, laplace_nll, poisson, tweedie]
