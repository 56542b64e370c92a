"""Negative log-likelihoods: the student gives a distribution's parameters, for counts and amounts.

The parameters stand side by side in the prediction, each with as many columns as the labels; two
layers are put together by concat(mean, log_scale). Constants are not left out, so that values are
logarithms of densities and can be compared between distributions.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, Interval
from tfloss.ops import columns, mean_per_example, same_shape

_LIMIT = 30.0  # of a logarithm: e^30 is 1e13


def _parameters(labels: Any, prediction: Any, count: int) -> list[Any]:
    """The prediction's columns in `count` tensors of the labels' shape."""
    if columns(prediction) != count * columns(labels):
        raise ValueError(
            f"'prediction' has {columns(prediction)} columns for {columns(labels)} of 'labels'; "
            f"it needs {count} times as many, a distribution's parameters side by side."
        )
    parts = tf.split(prediction, count, axis=-1)
    same_shape(labels=labels, **{f"parameter {n + 1}": part for n, part in enumerate(parts)})
    return list(parts)


def _bounded(logarithm: Any) -> Any:
    return tf.clip_by_value(logarithm, -_LIMIT, _LIMIT)


def _log_negative_binomial(labels: Any, log_mean: Any, log_dispersion: Any) -> Any:
    """Log-probability of a count of this mean µ and variance µ + a·µ²."""
    size = tf.exp(-_bounded(log_dispersion))
    log_ratio = _bounded(log_mean) + _bounded(log_dispersion)  # of µ to the size
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
    log_mean, log_dispersion = _parameters(labels, prediction, 2)
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
    log_mean, zero = _parameters(labels, prediction, 2)
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
    log_mean, log_dispersion, zero = _parameters(labels, prediction, 3)
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
    log_mean, zero = _parameters(labels, prediction, 2)
    log_mean = _bounded(log_mean)
    mean = tf.exp(log_mean)
    # log(e^µ - 1) = µ + log(1 - e^-µ), and for a small µ its logarithm.
    small = mean < 1e-4
    inner = tf.math.log(-tf.math.expm1(-tf.where(small, tf.ones_like(mean), mean)))
    truncated = mean + tf.where(small, log_mean - mean / 2, inner)
    log_p = labels * log_mean - tf.math.lgamma(labels + 1) - truncated
    any_ = tf.math.log_sigmoid(-zero) + log_p
    return -mean_per_example(tf.where(labels == 0, tf.math.log_sigmoid(zero) + 0 * any_, any_))


@tfloss.loss(
    latex=r"-\log\frac{\Gamma(\frac{\nu+1}2)}{\Gamma(\frac\nu2)\sqrt{\pi\nu}\,\sigma}"
    r"+\frac{\nu+1}2\log\Bigl(1+\frac{(y-\mu)^2}{\nu\sigma^2}\Bigr)",
    domains={"prediction": "numbers*2"},
    family="likelihood",
    example="student_t_nll(prediction=concat(hidden1, hidden2), degrees=4)",
)
def student_t_nll(
    labels: Any,
    prediction: Any,
    *,
    degrees: Annotated[float, Above(0)] = 4.0,
    smallest: Annotated[float, Above(0)] = 1e-4,
) -> Any:
    """Student's t likelihood: a location and a scale that an outlier does not drag along.

    labels: (batch, k).  prediction: (batch, 2k), k locations, then k logarithms of scales.
    Returns (batch,), in nats: the mean over the k targets.

    degrees: ν, of freedom, positive; 1 is Cauchy's distribution, many are the Gaussian.
    smallest: the scale below which none is taken, in the target's unit; positive.

    Source: Lange, Little and Taylor 1989, "Robust statistical modeling using the t distribution".
    """
    location, log_scale = _parameters(labels, prediction, 2)
    log_scale = tf.clip_by_value(log_scale, math.log(smallest), _LIMIT)
    z = (labels - location) * tf.exp(-log_scale)
    constant = math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)
    constant -= math.log(math.pi * degrees) / 2
    tail = (degrees + 1) / 2 * tf.math.log1p(tf.square(z) / degrees)
    return mean_per_example(tail + log_scale - constant)


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
    log_mean, log_shape = _parameters(labels, prediction, 2)
    log_shape = tf.clip_by_value(log_shape, -10.0, 10.0)
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
    mean, log_scale = _parameters(labels, prediction, 2)
    log_scale = tf.clip_by_value(log_scale, math.log(smallest_scale), _LIMIT)
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
    logit, log_precision = _parameters(labels, prediction, 2)
    logit = tf.clip_by_value(logit, -10.0, 10.0)
    precision = tf.exp(tf.clip_by_value(log_precision, -10.0, 10.0))
    alpha, beta = precision * tf.sigmoid(logit), precision * tf.sigmoid(-logit)
    share = tf.clip_by_value(labels, smallest, 1 - smallest)
    log_beta = tf.math.lgamma(alpha) + tf.math.lgamma(beta) - tf.math.lgamma(alpha + beta)
    density = (alpha - 1) * tf.math.log(share) + (beta - 1) * tf.math.log1p(-share)
    return mean_per_example(log_beta - density)


@tfloss.loss(
    latex=r"\log(2\pi I_0(\kappa))-\kappa\cos(y-\mu)",
    domains={"prediction": "log_amounts*2"},
    family="likelihood",
    example="von_mises_nll(prediction=concat(hidden1, hidden2))",
)
def von_mises_nll(labels: Any, prediction: Any) -> Any:
    """Von Mises likelihood, for angles: a direction, and how sure it is.

    labels: (batch, k), in radians.  prediction: (batch, 2k), k directions in radians, then k
    logarithms of concentrations κ, kept within ±12.
    Returns (batch,), in nats: the mean over the k targets.

    Source: Prokudin, Gehler and Nowozin 2018, "Deep directional statistics: pose estimation with
    uncertainty quantification".
    """
    direction, log_concentration = _parameters(labels, prediction, 2)
    kappa = tf.exp(tf.clip_by_value(log_concentration, -12.0, 12.0))
    # 1 - cos would lose its digits; so would I0, which grows as e^κ.
    lag = 2 * tf.square(tf.sin((labels - direction) / 2))
    return mean_per_example(
        math.log(2 * math.pi) + tf.math.log(tf.math.bessel_i0e(kappa)) + kappa * lag
    )


@tfloss.loss(
    latex=r"\log\sigma+z+2\log(1+e^{-z}),\ z=(y-\mu)/\sigma",
    domains={"prediction": "numbers*2"},
    family="likelihood",
    example="logistic_nll(prediction=concat(hidden1, hidden2))",
)
def logistic_nll(
    labels: Any, prediction: Any, *, smallest: Annotated[float, Above(0)] = 1e-4
) -> Any:
    """Logistic likelihood: a location and a scale, with tails between Gauss' and Laplace's.

    labels: (batch, k).  prediction: (batch, 2k), k locations, then k logarithms of scales σ.
    Returns (batch,), in nats: the mean over the k targets.

    smallest: the scale below which none is taken, in the target's unit; positive.

    Source: the density of Verhulst 1838; as a network's likelihood: Kingma et al. 2016, "Improved
    variational inference with inverse autoregressive flow".
    """
    location, log_scale = _parameters(labels, prediction, 2)
    log_scale = tf.clip_by_value(log_scale, math.log(smallest), _LIMIT)
    z = (labels - location) * tf.exp(-log_scale)
    return mean_per_example(log_scale + tf.nn.softplus(z) + tf.nn.softplus(-z))


@tfloss.loss(
    latex=r"-\log\sum_m\pi_m\prod_j\mathcal N(y_j;\mu_{mj},\sigma_{mj}^2)",
    domains={"prediction": "numbers*6"},
    family="likelihood",
    exempt={"settings over their range": "other components take a prediction of other width"},
    example="gaussian_mixture(labels=slope, prediction=flatten(conv2), components=4)",
)
def gaussian_mixture(
    labels: Any,
    prediction: Any,
    *,
    components: Annotated[int, AtLeast(1)] = 2,
    smallest: Annotated[float, Above(0)] = 1e-3,
) -> Any:
    """Mixture density network: several answers to one question, each with its weight and spread.

    labels: (batch, k).  prediction: (batch, 3·components·k): for each target and component a logit
    of its weight, a mean, and the logarithm of a standard deviation: first all logits, k for each
    component after the other, then all means, then all logarithms.
    Returns (batch,), in nats: the mean over the k targets, each with a mixture of its own.

    components: m, how many Gaussians, 1 or more.
    smallest: the standard deviation below which none is taken, in the target's unit; positive.

    Source: Bishop 1994, "Mixture density networks".
    """
    parts = _parameters(labels, prediction, 3 * components)
    logits, means, log_scales = (
        tf.stack(parts[start : start + components], axis=-1)
        for start in range(0, 3 * components, components)
    )
    log_scales = tf.clip_by_value(log_scales, math.log(smallest), _LIMIT)
    z = (labels[..., None] - means) * tf.exp(-log_scales)
    log_density = -tf.square(z) / 2 - log_scales - math.log(2 * math.pi) / 2
    return -mean_per_example(tf.reduce_logsumexp(tf.nn.log_softmax(logits) + log_density, axis=-1))


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [
        negative_binomial,
        zero_inflated_poisson,
        zero_inflated_negative_binomial,
        hurdle_poisson,
        student_t_nll,
        gamma_nll,
        log_normal_nll,
        beta_distribution_nll,
        von_mises_nll,
        logistic_nll,
        gaussian_mixture,
    ]
