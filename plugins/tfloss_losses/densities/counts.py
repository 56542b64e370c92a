"""Negative log-likelihoods of counts."""

from __future__ import annotations

from typing import Any

import tfloss
from tfloss import tf
from tfloss.ops import bounded, mean_per_example
from tfloss_losses.densities.common import LIMIT, parameters


def _bounded(logarithm: Any) -> Any:
    return bounded(logarithm, -LIMIT, LIMIT)


def _log_negative_binomial(labels: Any, log_mean: Any, log_dispersion: Any) -> Any:
    """Log-probability of a count of this mean µ and variance µ + a·µ²."""
    log_dispersion = _bounded(log_dispersion)  # once: its slope is decided by all that it does
    size = tf.exp(-log_dispersion)
    log_ratio = _bounded(log_mean) + log_dispersion  # of µ to the size
    ways = tf.math.lgamma(labels + size) - tf.math.lgamma(size) - tf.math.lgamma(labels + 1)
    return ways - size * tf.nn.softplus(log_ratio) - labels * tf.nn.softplus(-log_ratio)


@tfloss.loss(
    latex=r"-\log\binom{y+r-1}{y}+r\log\frac{r+\mu}r+y\log\frac{r+\mu}\mu,\ r=1/a",
    range=(None, None),
    domains={"labels": "counts", "prediction": "numbers*2"},
    family="likelihood",
    example="negative_binomial(labels=counts, prediction=hidden1)",
)
def negative_binomial(labels: Any, prediction: Any) -> Any:
    """Negative binomial likelihood, for counts that vary more than Poisson's: demand, reads.

    labels: (batch, k), whole numbers from 0.  prediction: (batch, 2k), k logarithms of means µ,
    then k logarithms of dispersions a; the variance is µ + a·µ². Each is kept within ±30.
    Returns (batch,), in nats: the mean over the k targets.

    Source: Salinas et al. 2020, "DeepAR: probabilistic forecasting with autoregressive recurrent
    networks", the negative binomial likelihood.
    """
    log_mean, log_dispersion = parameters(labels, prediction, 2)
    return -mean_per_example(_log_negative_binomial(labels, log_mean, log_dispersion))


def _inflated(labels: Any, log_p: Any, log_p_zero: Any, zero: Any) -> Any:
    """Log-probability where a zero may also come from elsewhere, with logit `zero`."""
    from_elsewhere = tf.math.log_sigmoid(zero)
    there = tf.math.log_sigmoid(-zero)
    at_zero = tf.reduce_logsumexp(tf.stack([from_elsewhere, there + log_p_zero]), axis=0)
    return tf.where(labels == 0, at_zero, there + log_p)


@tfloss.loss(
    latex=r"-\log\bigl([y=0]\pi+(1-\pi)e^{-\mu}\mu^y/y!\bigr)",
    domains={"labels": "counts", "prediction": "log_amounts*2"},
    family="likelihood",
    example="zero_inflated_poisson(labels=counts, prediction=hidden1)",
)
def zero_inflated_poisson(labels: Any, prediction: Any) -> Any:
    """Zero-inflated Poisson likelihood: some zeros are no counts at all but nobody being there.

    labels: (batch, k), whole numbers from 0.  prediction: (batch, 2k), k logarithms of means, kept
    within ±30, then k logits of a zero from elsewhere.
    Returns (batch,), in nats: the mean over the k targets.

    Source: Lambert 1992, "Zero-inflated Poisson regression, with an application to defects in
    manufacturing".
    """
    log_mean, zero = parameters(labels, prediction, 2)
    log_mean = _bounded(log_mean)
    log_p = labels * log_mean - tf.exp(log_mean) - tf.math.lgamma(labels + 1)
    return -mean_per_example(_inflated(labels, log_p, -tf.exp(log_mean), zero))


@tfloss.loss(
    latex=r"-\log\bigl([y=0]\pi+(1-\pi)\,\mathrm{NB}(y;\mu,a)\bigr)",
    domains={"labels": "counts", "prediction": "numbers*3"},
    family="likelihood",
    example="zero_inflated_negative_binomial(labels=counts, prediction=concat(hidden1, logits))",
)
def zero_inflated_negative_binomial(labels: Any, prediction: Any) -> Any:
    """Zero-inflated negative binomial likelihood, for sparse counts that vary much: gene counts.

    labels: (batch, k), whole numbers from 0.  prediction: (batch, 3k), k logarithms of means, k of
    dispersions, each kept within ±30, then k logits of a zero from elsewhere.
    Returns (batch,), in nats: the mean over the k targets.

    Source: Eraslan et al. 2019, "Single-cell RNA-seq denoising using a deep count autoencoder".
    """
    log_mean, log_dispersion, zero = parameters(labels, prediction, 3)
    log_p = _log_negative_binomial(labels, log_mean, log_dispersion)
    log_p_zero = _log_negative_binomial(tf.zeros_like(labels), log_mean, log_dispersion)
    return -mean_per_example(_inflated(labels, log_p, log_p_zero, zero))


@tfloss.loss(
    latex=r"-[y=0]\log\pi-[y>0]\Bigl(\log(1-\pi)+y\log\mu-\log y!-\log(e^\mu-1)\Bigr)",
    domains={"labels": "counts", "prediction": "log_amounts*2"},
    family="likelihood",
    example="hurdle_poisson(labels=counts, prediction=hidden1)",
)
def hurdle_poisson(labels: Any, prediction: Any) -> Any:
    """Hurdle Poisson likelihood: first whether there is any, then how many, one or more.

    labels: (batch, k), whole numbers from 0.  prediction: (batch, 2k), k logarithms of µ, kept
    within ±30, then k logits of zero.
    Returns (batch,), in nats: the mean over the k targets.

    Source: Mullahy 1986, "Specification and testing of some modified count data models".
    """
    log_mean, zero = parameters(labels, prediction, 2)
    log_mean = _bounded(log_mean)
    mean = tf.exp(log_mean)
    # log(e^µ - 1) = µ + log(1 - e^-µ), and for a small µ its logarithm.
    small = mean < 1e-4
    inner = tf.math.log(-tf.math.expm1(-tf.where(small, tf.ones_like(mean), mean)))
    truncated = mean + tf.where(small, log_mean - mean / 2, inner)
    log_p = labels * log_mean - tf.math.lgamma(labels + 1) - truncated
    any_ = tf.math.log_sigmoid(-zero) + log_p
    return -mean_per_example(tf.where(labels == 0, tf.math.log_sigmoid(zero) + 0 * any_, any_))
