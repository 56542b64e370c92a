"""Penalties on the student itself: on its weights or its certainty, without a target."""

from __future__ import annotations

import math
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Interval
from tfloss.ops import log_probs


@tfloss.loss(
    per="batch",
    latex=r"\sum_j|w_j|",
    range=(0, None),
    kinks=("weights == 0",),
    example="bce + 0.001*l1('*/kernel')",
)
def l1(weights: Any) -> Any:
    """Sum of the absolute weights: drives weights to zero one by one.

    weights: a list of tensors of any shapes, or one tensor.
    Returns a scalar, as keras.regularizers.L1(1).

    Source: Tibshirani 1996, "Regression shrinkage and selection via the lasso"; as a term: Hastie,
    Tibshirani and Friedman 2009, "The elements of statistical learning", eq. 3.52.
    """
    return tf.add_n([tf.reduce_sum(tf.abs(weight)) for weight in _each(weights)])


@tfloss.loss(
    per="batch", latex=r"\sum_j w_j^2", range=(0, None), example="bce + 0.001*l2('*/kernel')"
)
def l2(weights: Any) -> Any:
    """Sum of the squared weights, without ½: keeps all weights small.

    weights: a list of tensors of any shapes, or one tensor.
    Returns a scalar, as keras.regularizers.L2(1).

    Source: Hoerl and Kennard 1970, "Ridge regression"; as a term: Hastie, Tibshirani and Friedman
    2009, "The elements of statistical learning", eq. 3.41.
    """
    return tf.add_n([tf.reduce_sum(tf.square(weight)) for weight in _each(weights)])


@tfloss.loss(
    per="batch",
    latex=r"r\sum_j|w_j|+(1-r)\sum_jw_j^2",
    range=(0, None),
    kinks=("weights == 0",),
    example="bce + 0.001*elastic('hidden1', ratio=0.9)",
)
def elastic(weights: Any, *, ratio: Annotated[float, Interval(0, 1)] = 0.5) -> Any:
    """Elastic net: l1 and l2 mixed, for few weights of which related ones stay together.

    weights: a list of tensors of any shapes, or one tensor.
    Returns a scalar, as keras.regularizers.L1L2(ratio, 1 - ratio).

    ratio: r in [0, 1], the share of l1.

    Source: Zou and Hastie 2005, "Regularization and variable selection via the elastic net", eq. 3.
    """
    return ratio * l1(weights) + (1 - ratio) * l2(weights)


@tfloss.loss(
    per="batch",
    latex=r"\sum_W\Vert W^\top W-I\Vert_F^2",
    range=(0, None),
    example="ce + 0.01*orthogonality('hidden*')",
)
def orthogonality(weights: Any) -> Any:
    """Penalty on weight matrices whose columns are not orthogonal and of length one.

    weights: a list of tensors, or one tensor; those of one axis (biases) are left out, the last
    axis of the others is the columns. A matrix wider than high is judged by its rows.
    Returns a scalar.

    Source: Brock et al. 2017, "Neural photo editing", with the squared norm.
    """
    grams = map(_gram, _matrices("orthogonality", weights))
    return tf.add_n([_distance_from_identity(gram) for gram in grams])


def _distance_from_identity(gram: Any) -> Any:
    identity = tf.eye(gram.shape[0], dtype=gram.dtype)
    return tf.reduce_sum(tf.math.squared_difference(gram, identity))


def _matrices(name: str, weights: Any) -> list[Any]:
    """The weights of two axes or more, the last one kept, as matrices."""
    found = [tf.reshape(w, [-1, w.shape[-1]]) for w in _each(weights) if len(w.shape) >= 2]
    if not found:
        raise ValueError(f"'{name}' needs a weight of two axes or more and got none.")
    return found


def _gram(matrix: Any) -> Any:
    """The products of the columns, or of the rows where these are fewer."""
    tall = matrix.shape[0] >= matrix.shape[1]
    return tf.matmul(matrix, matrix, transpose_a=tall, transpose_b=not tall)


@tfloss.loss(
    per="batch",
    latex=r"\tfrac12\sum_W\sigma_1(W)^2",
    range=(0, None),
    kinks=("a matrix has two largest singular values",),
    example="bce + 0.01*spectral('*/kernel')",
)
def spectral(weights: Any) -> Any:
    """Spectral norm regularisation: how much a layer can stretch its input, at most.

    weights: a list of tensors, or one tensor; those of one axis (biases) are left out, the last
    axis of the others is the columns.
    Returns a scalar: half the sum of the squared largest singular values.

    Source: Yoshida and Miyato 2017, "Spectral norm regularization for improving the
    generalizability of deep learning".
    """
    largest = [_largest_eigenvalue(_gram(matrix)) for matrix in _matrices("spectral", weights)]
    return tf.nn.relu(tf.add_n(largest)) / 2


def _largest_eigenvalue(gram: Any) -> Any:
    """NaN for a matrix that is not finite, on which TensorFlow's own function would fail."""
    fine = tf.reduce_all(tf.math.is_finite(gram))
    found = tf.linalg.eigvalsh(tf.where(fine, gram, tf.zeros_like(gram)))[-1]
    return tf.where(fine, found, tf.constant(math.nan, gram.dtype))


@tfloss.loss(
    latex=r"\max\bigl(0,\Gamma-H(p)\bigr)",
    range=(0, None),
    kinks=("H(p) == threshold",),
    example="bce + 0.1*confidence_penalty(threshold=0.5)",
)
def confidence_penalty(logits: Any, *, threshold: Annotated[float, Interval(0, 1)] = 1.0) -> Any:
    """Penalty on a student that is surer than a threshold; -entropy is the one without threshold.

    logits: (batch, 1), a Bernoulli distribution, or (batch, C).
    Returns (batch,), in nats: what the entropy lacks of the threshold, 0 above it.

    threshold: in [0, 1], as a share of the largest entropy, log C (log 2 for one column). At 1
        the penalty is the divergence KL(p‖uniform).

    Source: Pereyra et al. 2017, "Regularizing neural networks by penalizing confident output
    distributions", the penalty with a threshold.
    """
    log_p = log_probs(logits)
    entropy = -tf.reduce_sum(tf.exp(log_p) * log_p, axis=-1)
    return tf.nn.relu(threshold * math.log(log_p.shape[-1]) - entropy)


def _each(weights: Any) -> list[Any]:
    """The tensors as a list that is not empty."""
    found = list(weights) if isinstance(weights, (list, tuple)) else [weights]
    if not found:
        raise ValueError("A penalty on 'weights' got none; the student has no weights to penalise.")
    return [tf.convert_to_tensor(weight) for weight in found]


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [l1, l2, elastic, orthogonality, spectral, confidence_penalty]
