"""Negative log-likelihoods of any number, of angles too."""

from __future__ import annotations

import math
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast
from tfloss.ops import bounded, mean_per_example
from tfloss_losses.densities.common import LIMIT, parameters


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
    location, log_scale = parameters(labels, prediction, 2)
    log_scale = bounded(log_scale, math.log(smallest), LIMIT)
    z = (labels - location) * tf.exp(-log_scale)
    constant = math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)
    constant -= math.log(math.pi * degrees) / 2
    tail = (degrees + 1) / 2 * tf.math.log1p(tf.square(z) / degrees)
    return mean_per_example(tail + log_scale - constant)


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
    direction, log_concentration = parameters(labels, prediction, 2)
    kappa = tf.exp(bounded(log_concentration, -12.0, 12.0))
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
    location, log_scale = parameters(labels, prediction, 2)
    log_scale = bounded(log_scale, math.log(smallest), LIMIT)
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
    parts = parameters(labels, prediction, 3 * components)
    logits, means, log_scales = (
        tf.stack(parts[start : start + components], axis=-1)
        for start in range(0, 3 * components, components)
    )
    log_scales = bounded(log_scales, math.log(smallest), LIMIT)
    z = (labels[..., None] - means) * tf.exp(-log_scales)
    log_density = -tf.square(z) / 2 - log_scales - math.log(2 * math.pi) / 2
    return -mean_per_example(tf.reduce_logsumexp(tf.nn.log_softmax(logits) + log_density, axis=-1))
