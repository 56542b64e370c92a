"""Negative log-likelihoods of positive numbers and of shares."""

from __future__ import annotations

import math
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, Interval
from tfloss.ops import bounded, mean_per_example
from tfloss_losses.densities.common import LIMIT, parameters


@tfloss.loss(
    latex=r"-\alpha\log\beta+\log\Gamma(\alpha)-(\alpha-1)\log y+\beta y,\ \beta=\alpha/\mu",
    domains={"labels": "amounts", "prediction": "log_amounts*2"},
    family="likelihood",
    example="gamma_nll(labels=amounts, prediction=hidden1)",
)
def gamma_nll(labels: Any, prediction: Any, *, smallest: Annotated[float, Above(0)] = 1e-6) -> Any:
    """Gamma likelihood, for amounts above zero that scatter in proportion to their mean.

    labels: (batch, k), above 0.  prediction: (batch, 2k), k logarithms of means µ, then k
    logarithms of shapes α, kept within ±10; the variance is µ²/α.
    Returns (batch,), in nats: the mean over the k targets.

    smallest: what a smaller label counts as, in the target's unit; positive.

    Source: Nelder and Wedderburn 1972, "Generalized linear models", with the shape predicted too.
    """
    log_mean, log_shape = parameters(labels, prediction, 2)
    log_shape = bounded(log_shape, -10.0, 10.0)
    shape, log_labels = tf.exp(log_shape), tf.math.log(tf.maximum(labels, smallest))
    log_ratio = log_labels - log_mean
    likelihood = shape * (log_shape + log_ratio - tf.exp(log_ratio)) - tf.math.lgamma(shape)
    return mean_per_example(log_labels - likelihood)


@tfloss.loss(
    latex=r"\log(y\sigma\sqrt{2\pi})+\frac{(\log y-\mu)^2}{2\sigma^2}",
    domains={"labels": "amounts", "prediction": "log_amounts*2"},
    family="likelihood",
    example="log_normal_nll(labels=amounts, prediction=hidden1)",
)
def log_normal_nll(
    labels: Any,
    prediction: Any,
    *,
    smallest: Annotated[float, Above(0)] = 1e-6,
    smallest_scale: Annotated[float, Above(0)] = 1e-3,
) -> Any:
    """Log-normal likelihood, for amounts above zero whose logarithm is Gaussian.

    labels: (batch, k), above 0.  prediction: (batch, 2k), k means of the logarithm, then k
    logarithms of its standard deviation σ.
    Returns (batch,), in nats: the mean over the k targets.

    smallest: what a smaller label counts as, in the target's unit; positive.
    smallest_scale: the σ below which none is taken; positive.

    Source: Aitchison and Brown 1957, "The lognormal distribution".
    """
    mean, log_scale = parameters(labels, prediction, 2)
    log_scale = bounded(log_scale, math.log(smallest_scale), LIMIT)
    log_labels = tf.math.log(tf.maximum(labels, smallest))
    z = (log_labels - mean) * tf.exp(-log_scale)
    return mean_per_example(log_labels + log_scale + math.log(2 * math.pi) / 2 + tf.square(z) / 2)


@tfloss.loss(
    latex=r"\log B(\alpha,\beta)-(\alpha-1)\log y-(\beta-1)\log(1-y),"
    r"\ \alpha=\mu\phi,\ \beta=(1-\mu)\phi",
    domains={"labels": "chances", "prediction": "log_amounts*2"},
    family="likelihood",
    example="beta_distribution_nll(labels=teacher, prediction=concat(logits, hidden1))",
)
def beta_distribution_nll(
    labels: Any, prediction: Any, *, smallest: Annotated[float, Interval(0, 0.5, "neither")] = 1e-6
) -> Any:
    """Beta likelihood, for shares between 0 and 1.

    labels: (batch, k), in (0, 1).  prediction: (batch, 2k), k logits of means µ, then k logarithms
    of precisions φ; both are kept within ±10.
    Returns (batch,), in nats: the mean over the k targets.

    smallest: how near to 0 and 1 a label counts at most; in (0, ½).

    Source: Ferrari and Cribari-Neto 2004, "Beta regression for modelling rates and proportions".
    """
    logit, log_precision = parameters(labels, prediction, 2)
    logit = bounded(logit, -10.0, 10.0)
    precision = tf.exp(bounded(log_precision, -10.0, 10.0))
    alpha, beta = precision * tf.sigmoid(logit), precision * tf.sigmoid(-logit)
    share = tf.clip_by_value(labels, smallest, 1 - smallest)
    log_beta = tf.math.lgamma(alpha) + tf.math.lgamma(beta) - tf.math.lgamma(alpha + beta)
    density = (alpha - 1) * tf.math.log(share) + (beta - 1) * tf.math.log1p(-share)
    return mean_per_example(log_beta - density)
