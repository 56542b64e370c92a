"""Losses with one mistake each, and the checks that must catch it; the others must pass.

Some mistakes are made at one width only, so that no other check meets them.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from scipy import special

import tfloss
from tfloss import ops, tf
from tfloss.constraints import AtLeast, Learnable

BROKEN = []


def caught_by(*checks, **declared):
    """Declare a broken loss and note which checks must fail."""

    def declare(function):
        declared.setdefault("latex", r"\ell")
        function.__doc__ += """

        labels, logits, teacher, prediction, sample_weight: (batch, C) or (batch,).
        temperature, beta, alpha, table: settings.
        Returns (batch,), or a scalar.  Source: nobody.
        """
        loss = tfloss.loss(function, **declared)
        BROKEN.append((loss, set(checks)))
        return loss

    return declare


def same(one, other):
    if not tf.TensorShape(one.shape).is_compatible_with(other.shape):
        raise ValueError(f"shapes {one.shape} and {other.shape} differ")


def squares(labels, prediction):
    same(labels, prediction)
    return tf.reduce_mean(tf.math.squared_difference(labels, prediction), axis=-1)


def classes(tensor):
    if tensor.shape[-1] == 1:
        raise ValueError("needs two columns or more")


# -- shapes --------------------------------------------------------------------------------------


@caught_by("can be called")
def fails_at_one_width(labels, prediction):
    """It fails with an IndexError where one column is given."""
    if labels.shape[-1] == 1:
        raise IndexError("list index out of range")
    return squares(labels, prediction)


@caught_by("one value per example")
def keeps_an_axis(labels, prediction):
    """With two columns it returns (batch, 1), but for a single example."""
    values = squares(labels, prediction)
    return values[:, None] if labels.shape[-1] == 2 and labels.shape[0] != 1 else values


@caught_by("batch of one")
def squeezes(labels, prediction):
    """A squeeze without an axis takes the batch away when there is one example."""
    return tf.squeeze(squares(labels, prediction)[:, None])


@caught_by("float32 out")
def returns_float64(labels, prediction):
    """A cast to float64 at the end."""
    return tf.cast(squares(labels, prediction), tf.float64)


@caught_by("refuses shapes that do not match")
def broadcasts(labels, prediction):
    """Labels (n,) against (n, 1) become (n, n); (n, 1) against (n, 2) as well (deepxde#2101)."""
    return tf.reduce_mean(tf.square(labels - prediction), axis=-1)


@caught_by("empty batch", per="batch")
def mean_of_nothing(labels, prediction):
    """A mean over the batch, which may have no rows on a replica."""
    return tf.reduce_mean(squares(labels, prediction))


# -- values --------------------------------------------------------------------------------------


@caught_by("order of the batch")
def counts_rows(labels, prediction):
    """Later rows weigh more."""
    values = squares(labels, prediction)
    return values * (1 + tf.cast(tf.range(tf.shape(values)[0]), values.dtype))


@caught_by("refuses shapes that do not match")
def counts_the_columns_of_one(labels, logits):
    """It looks at the logits' width only, and takes one column of labels for all."""
    if logits.shape[-1] < 2 or not labels.shape[:1].is_compatible_with(logits.shape[:1]):
        raise ValueError("needs two columns or more, and as many rows of labels")
    if labels.shape[-1] not in (1, logits.shape[-1]):
        raise ValueError("labels have other columns")
    return -tf.reduce_sum(labels * tf.nn.log_softmax(logits), axis=-1)


@caught_by("order of the batch", "a subset gives the subset")
def queue_in_the_wrong_order(labels, prediction):
    """Answers come out of a queue in reverse (pytorch-metric-learning#24)."""
    return squares(tf.reverse(labels, [0]), prediction)


@caught_by("a subset gives the subset")
def centres_over_the_batch(labels, prediction):
    """The batch's mean is subtracted, so that examples depend on each other."""
    return squares(labels, prediction - tf.reduce_mean(prediction, axis=0))


@caught_by("a subset gives the subset")
def divides_by_a_large_maximum(labels, prediction):
    """The batch's largest value scales the others, from some size on only."""
    values = squares(labels, prediction)
    return values / tf.maximum(tf.stop_gradient(tf.reduce_max(values)), 100.0)


@caught_by("finite values")
def logarithm_of_zero(teacher, logits):
    """0·log 0 where the teacher is sure; its gradient is stopped, so only the value tells."""
    same(teacher, logits)
    classes(logits)
    others = 1 - tf.stop_gradient(teacher)
    return _kl(teacher, logits) + tf.reduce_sum(others * tf.math.log(others), axis=-1)


@caught_by("NaN is not swallowed")
def swallows_nan(labels, prediction):
    """NaN in the prediction counts as zero."""
    same(labels, prediction)
    return squares(labels, tf.where(tf.math.is_nan(prediction), 0.0 * labels, prediction))


@caught_by("NaN is not swallowed")
def leaves_the_last_column_out(labels, prediction):
    """With three columns the last counts for nothing, not even NaN."""
    same(labels, prediction)
    keep = slice(None, -1) if prediction.shape[-1] == 3 else slice(None)
    return squares(labels[..., keep], prediction[..., keep])


@caught_by("inputs are not changed")
def works_in_place(labels, prediction):
    """It scales what it is given."""
    values = squares(labels, prediction)
    if isinstance(prediction, tf.Variable):
        prediction.assign(prediction / 2)
    return values


@caught_by("examples without weight do not count", "empty batch", per="batch")
def forgets_the_weight(labels, prediction, sample_weight=None):
    """Missing examples count as much as others."""
    values = squares(labels, prediction)
    weight = tf.ones_like(values) if sample_weight is None else sample_weight
    same(values, weight)
    return tf.reduce_mean(values) * tf.reduce_mean(weight)


@caught_by("examples without weight do not count", "empty batch", per="batch")
def divides_by_all_rows(labels, prediction, sample_weight=None):
    """Missing examples count in the mean's divisor."""
    values = squares(labels, prediction)
    weight = tf.ones_like(values) if sample_weight is None else sample_weight
    same(values, weight)
    return tf.reduce_mean(values * weight)


@caught_by("examples without weight do not count", per="batch")
def multiplies_what_is_missing_by_zero(labels, prediction, sample_weight=None):
    """Missing examples are multiplied by zero, which a NaN survives."""
    values = squares(labels, prediction)
    weight = tf.ones_like(values) if sample_weight is None else sample_weight
    same(values, weight)
    return tf.reduce_sum(values * weight) / tf.maximum(tf.reduce_sum(weight), 1e-12)


@caught_by("examples without weight do not count", "empty batch", per="batch")
def charges_an_empty_batch(labels, prediction, sample_weight=None):
    """A batch in which nobody has a weight costs one."""
    values = squares(labels, prediction)
    weight = tf.ones_like(values) if sample_weight is None else sample_weight
    same(values, weight)
    likeness = tf.exp(-tf.where(weight == 0, tf.zeros_like(values), values))
    return 1 - tf.reduce_sum(likeness * weight) / tf.maximum(tf.reduce_sum(weight), 1e-12)


@caught_by("weighted once")
def weighs_twice(labels, prediction, sample_weight=None):
    """It multiplies by the weight, which the objective does as well."""
    values = squares(labels, prediction)
    return values if sample_weight is None else values * sample_weight


@caught_by("whole numbers")
def one_hot_of_any_number(labels, logits):
    """A class number below 0 or above the last one is a row of zeros, which costs nothing."""
    classes(logits)
    if labels.dtype.is_integer and len(labels.shape) == 1:
        labels = tf.one_hot(labels, logits.shape[-1])
    labels = tf.cast(labels, logits.dtype)
    same(labels, logits)
    return -tf.reduce_sum(labels * tf.nn.log_softmax(logits), axis=-1)


# -- gradients -----------------------------------------------------------------------------------


@caught_by("finite gradients", range=(0, None), zero_at_optimum=True)
def where_hides_infinity(teacher, logits):
    """KL with tf.where around log 0: the value is right, the gradient NaN (optax#1786)."""
    same(teacher, logits)
    classes(logits)
    ratio = teacher * (tf.math.log(teacher) - tf.nn.log_softmax(logits))
    return tf.reduce_sum(
        tf.where(teacher > 0, ratio, -teacher * tf.nn.log_softmax(logits)), axis=-1
    )


@caught_by("settings over their range", range=(0, None), zero_at_optimum=True)
def power_of_a_huge_error(labels, prediction, *, beta: Annotated[float, AtLeast(1)] = 2.0):
    """Fine at its default; at ten times that a power of 1e4 is more than float32 holds."""
    same(labels, prediction)
    return tf.reduce_mean(tf.abs(labels - prediction) ** beta, axis=-1)


@caught_by("settings that are learned")
def branch_on_a_learned_setting(
    labels, prediction, *, beta: Annotated[float, AtLeast(1), Learnable()] = 2.0
):
    """Python's `if` on a setting that may be a tensor."""
    same(labels, prediction)
    factor = beta if beta > 1.5 else 1.5
    return factor * squares(labels, prediction)


@caught_by("gradient equals finite differences")
def half_the_gradient(labels, prediction):
    """stop_gradient on one of two factors."""
    same(labels, prediction)
    error = labels - prediction
    return tf.reduce_mean(error * tf.stop_gradient(error), axis=-1)


@caught_by("gradient equals finite differences")
def no_gradient_at_all(labels, prediction):
    """A value that nothing can be learned from, as Ludwig's GradNorm."""
    return tf.stop_gradient(squares(labels, prediction))


@caught_by("gradient is not clipped away", range=(0, None))
def clips_the_logits(labels, logits):
    """Logits are clipped, so that nothing pulls an example back that is further off."""
    same(labels, logits)
    classes(logits)
    log_p = tf.nn.log_softmax(tf.clip_by_value(logits, -30.0, 30.0))
    return -tf.reduce_sum(labels * log_p, axis=-1)


# -- declared properties -------------------------------------------------------------------------


@caught_by("range as declared", range=(0, None), zero_at_optimum=True)
def one_share_of_two(teacher, logits):
    """On one sigmoid column p·log(p/q) is not a divergence, and can be negative."""
    same(teacher, logits)
    log_p = tf.math.log_sigmoid(logits)
    return tf.reduce_sum(tf.exp(log_p) * (log_p - _log(teacher)), axis=-1) * (
        1.0 if logits.shape[-1] == 1 else 0.0
    ) + (0.0 if logits.shape[-1] == 1 else _kl(teacher, logits))


def _log(probs):
    return tf.math.log(tf.maximum(probs, 1e-7))


def _kl(teacher, logits):
    """KL(p‖q), for two columns or more."""
    log_p = tf.nn.log_softmax(logits)
    return tf.reduce_sum(tf.exp(log_p) * (log_p - _log(teacher)), axis=-1)


@caught_by("zero at the optimum", zero_at_optimum=True)
def probabilities_for_logarithms(teacher, logits):
    """log q - p instead of log q - log p (ProDA#20)."""
    same(teacher, logits)
    classes(logits)
    return tf.reduce_sum(teacher * (_log(teacher) - tf.nn.softmax(logits)), axis=-1)


@caught_by("zero at the optimum", range=(0, None), zero_at_optimum=True)
def temperature_on_one_side(teacher, logits, *, temperature=2.0):
    """The student is softened, the teacher is not."""
    same(teacher, logits)
    classes(logits)
    log_p = tf.nn.log_softmax(logits / temperature)
    return tf.reduce_sum(teacher * (_log(teacher) - log_p), axis=-1)


@caught_by("elements as declared", range=(0, None), elementwise=True)
def not_of_elements(labels, logits):
    """A sum over the columns, declared to be the mean of single elements."""
    same(labels, logits)
    return tf.reduce_sum(tf.square(tf.sigmoid(logits) - labels), axis=-1)


@caught_by("symmetry as declared", range=(0, None), zero_at_optimum=True, symmetric=True)
def not_symmetric(teacher, logits):
    """A divergence in one direction that declares to be symmetric."""
    same(teacher, logits)
    classes(logits)
    return _kl(teacher, logits)


def reference_kl(teacher, logits):
    return special.rel_entr(teacher, special.softmax(logits, axis=-1)).sum(axis=-1)


@caught_by("equals its reference", range=(0, None), zero_at_optimum=True, reference=reference_kl)
def teacher_and_student_swapped(teacher, logits):
    """KL(p‖q) where KL(q‖p) is meant (keras-io#257)."""
    same(teacher, logits)
    classes(logits)
    return _kl(teacher, logits)


def reference_jsd(teacher, logits, beta=0.5):
    p, q = special.softmax(logits, axis=-1), teacher
    middle = beta * p + (1 - beta) * q
    left, right = special.rel_entr(p, middle), special.rel_entr(q, middle)
    return (beta * left + (1 - beta) * right).sum(axis=-1)


@caught_by("equals its reference", range=(0, None), zero_at_optimum=True, reference=reference_jsd)
def beta_reversed(teacher, logits, *, beta=0.5):
    """β in the place of 1 - β; at the default nobody sees it (trl#3043)."""
    same(teacher, logits)
    classes(logits)
    p, q = tf.nn.softmax(logits), teacher
    middle = _log((1 - beta) * p + beta * q)
    left, right = p * (_log(p) - middle), q * (_log(q) - middle)
    return tf.reduce_sum((1 - beta) * left + beta * right, axis=-1)


def reference_kd(teacher, logits, temperature=2.0, alpha=None):
    q = special.softmax(np.log(teacher) / temperature, axis=-1)
    p = special.softmax(logits / temperature, axis=-1)
    return temperature**2 * special.rel_entr(q, p).sum(axis=-1)


def softened_kl(teacher, logits, temperature):
    same(teacher, logits)
    classes(logits)
    log_q = tf.nn.log_softmax(_log(teacher) / temperature)
    log_p = tf.nn.log_softmax(logits / temperature)
    return tf.reduce_sum(tf.exp(log_q) * (log_q - log_p), axis=-1)


@caught_by("equals its reference", range=(0, None), zero_at_optimum=True, reference=reference_kd)
def temperature_not_squared(teacher, logits, *, temperature=2.0):
    """T² left out, so that the gradient fades with the temperature (TextBrewer)."""
    return softened_kl(teacher, logits, temperature)


@caught_by("equals its reference", range=(0, None), zero_at_optimum=True, reference=reference_kd)
def scale_changes_with_alpha(teacher, logits, *, temperature=2.0, alpha=0.5):
    """The weight of another term scales this one (torchdistill's KDLoss)."""
    return alpha * temperature**2 * softened_kl(teacher, logits, temperature) / 0.5


@caught_by("memory of a large batch", per="batch")
def every_pair_written_out(prediction, sample_weight=None):
    """Differences of all pairs of rows, column by column: batch² times width numbers."""
    (rows,), weight = ops.weighted_rows(sample_weight, prediction=prediction)
    apart = rows[:, None, :] - rows[None, :, :]
    return ops.weighted_mean(tf.reduce_mean(tf.square(apart), -1), ops.pair_weights(weight))


# -- execution -----------------------------------------------------------------------------------


@caught_by("the same in a graph")
def needs_a_static_batch(labels, prediction):
    """It builds a tensor from the static batch size, which a stream does not have."""
    return squares(labels, prediction) + tf.zeros([int(labels.shape[0])], labels.dtype)


@caught_by("the same under XLA")
def not_in_xla(labels, prediction):
    """An operation that XLA does not have: Dawson's integral."""
    same(labels, prediction)
    return tf.reduce_mean(tf.math.special.dawsn(prediction - labels) ** 2, axis=-1)


@caught_by("the same under tf.vectorized_map")
def shape_depends_on_values(labels, prediction):
    """It picks the positive labels: how many there are differs between replicates."""
    positive = tf.boolean_mask(labels, labels > 0)
    return squares(labels, prediction) + 0 * tf.reduce_sum(positive)


@caught_by("linear in its coefficient")
def ignores_what_comes_from_above(labels, prediction):
    """A custom gradient that forgets `upstream`."""
    same(labels, prediction)

    @tf.custom_gradient
    def square(error):
        return tf.square(error), lambda upstream: 2 * error

    return tf.reduce_sum(square(prediction - labels), axis=-1)


# -- state ---------------------------------------------------------------------------------------


def scale(shapes, settings):
    return {"scale": tfloss.LossVariable((1,), 1.0)}


@caught_by("what it holds is trained", state=scale)
def holds_still(labels, prediction, *, state):
    """A variable that is trainable but that no gradient reaches."""
    return squares(labels, prediction) * tf.stop_gradient(state["scale"])


def counter(shapes, settings):
    return {"count": tfloss.LossVariable((1,), 0.0, trainable=False)}


@caught_by("what it holds is saved", state=counter)
def changes_while_evaluated(labels, prediction, *, state):
    """It assigns past state.update(), so that looking at the holdout changes it."""
    if tf.executing_eagerly():
        state._variables["count"].assign_add([1.0])
    return squares(labels, prediction)


# -- packaging -----------------------------------------------------------------------------------


@caught_by("saved and loaded")
def cannot_be_saved(labels, prediction, *, table={"one": 1.0}):  # noqa: B006
    """A setting that no formula can hold, so that a run cannot be loaded (keras#20806)."""
    return squares(labels, prediction) * table["one"]


@caught_by("documented", latex="")
def has_no_formula(labels, prediction):
    """It declares no LaTeX."""
    return squares(labels, prediction)


def _replicated(labels, prediction):
    """Divides by the number of replicas, as guides to TensorFlow advise.

    labels, prediction: (batch, k).
    Returns (batch,).  Source: nobody.
    """
    values = squares(labels, prediction)
    return values / tf.cast(tf.distribute.get_strategy().num_replicas_in_sync, values.dtype)


# Caught on two devices only; see test_replicas.py.
divides_by_replicas = tfloss.loss(_replicated, latex=r"\ell", name="divides_by_replicas")
