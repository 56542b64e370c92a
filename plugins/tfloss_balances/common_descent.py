"""A direction in which no member rises, from the inner products of the members' gradients."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import AtLeast
from tfloss_balances.gramian import SMALLEST, scaled

_SWEEPS = 100  # of the little optimizations over m numbers; each costs m steps of arithmetic


@tfloss.balance
def mgda(gramian: Any) -> Any:
    """Multiple-gradient descent: the shortest mean of the gradients, a descent for every member.

    gramian: (m, m), inner products of the members' gradients.
    Returns (m,), 0 or more, adding up to 1.

    Source: Désidéri 2012, "Multiple-gradient descent algorithm (MGDA) for multiobjective
    optimization"; Sener and Koltun 2018, "Multi-task learning as multi-objective optimization".
    """
    return _on_simplex(gramian, tf.zeros_like(gramian[0]), tf.constant(0.0))


@tfloss.balance
def cagrad(gramian: Any, *, c: Annotated[float, AtLeast(0)] = 0.5) -> Any:
    """Conflict-averse gradient: near the mean gradient, where the worst member falls the most.

    gramian: (m, m), inner products of the members' gradients.
    Returns (m,).

    c: how far from the mean gradient, in its lengths: 0 is the mean of the members.

    Source: Liu et al. 2021, "Conflict-averse gradient descent for multi-task learning",
    algorithm 1.
    """
    mean = tf.fill([gramian.shape[0]], 1.0 / gramian.shape[0])
    towards = tf.linalg.matvec(gramian, mean)
    radius = c * tf.sqrt(tf.maximum(tf.reduce_sum(mean * towards), 0.0))
    worst = _on_simplex(gramian, towards, radius)
    length = tf.reduce_sum(worst * tf.linalg.matvec(gramian, worst))
    return mean + worst * radius * tf.math.rsqrt(tf.maximum(length, SMALLEST))


@tfloss.balance
def imtl_g(gramian: Any) -> Any:
    """Impartial gradient balance (IMTL-G): the direction has one projection on every gradient.

    gramian: (m, m), inner products of the members' gradients.
    Returns (m,), adding up to 1; some may be below 0.

    Source: Liu et al. 2021, "Towards impartial multi-task learning", the balance of gradients.
    """
    lengths = tf.sqrt(tf.maximum(tf.linalg.diag_part(gramian), 0.0))
    weights = _pseudo_inverse_times(gramian, lengths)
    whole = tf.reduce_sum(weights)
    even = tf.fill([gramian.shape[0]], 1.0 / gramian.shape[0])
    return tf.where(tf.abs(whole) < SMALLEST, even, weights / tf.where(whole == 0, 1.0, whole))


@tfloss.balance
def aligned(gramian: Any) -> Any:
    """Aligned-MTL: gradients made orthogonal and of one length, that of the weakest direction.

    gramian: (m, m), inner products of the members' gradients.
    Returns (m,).

    Source: Senushkin et al. 2023, "Independent component alignment for multi-task learning".
    """
    values, vectors = tf.linalg.eigh(gramian)
    counts = values > 1e-7 * tf.reduce_max(tf.abs(values))
    large = tf.where(counts, values, tf.fill(tf.shape(values), float("inf")))
    weakest = tf.reduce_min(large)
    scales = tf.where(counts, tf.sqrt(weakest / large), tf.zeros_like(values))
    mean = tf.fill([gramian.shape[0], 1], 1.0 / gramian.shape[0])
    balanced = vectors @ (scales[:, None] * tf.linalg.matmul(vectors, mean, transpose_a=True))
    return tf.where(tf.reduce_any(counts), balanced[:, 0], mean[:, 0])


@tfloss.balance
def upgrad(gramian: Any) -> Any:
    """UPGrad: each gradient is projected where no member rises, and the mean of these is taken.

    gramian: (m, m), inner products of the members' gradients.
    Returns (m,), 0 or more.

    Source: Quinton and Rey 2024, "Jacobian descent for multi-objective optimization".
    """
    members = gramian.shape[0]
    return tf.reduce_sum(_not_against_any(gramian, tf.eye(members) / members), axis=0)


@tfloss.balance
def dual_proj(gramian: Any) -> Any:
    """The mean gradient, projected where no member rises.

    gramian: (m, m), inner products of the members' gradients.
    Returns (m,), 0 or more.

    Source: Lopez-Paz and Ranzato 2017, "Gradient episodic memory for continual learning".
    """
    members = gramian.shape[0]
    return _not_against_any(gramian, tf.fill([1, members], 1.0 / members))[0]


# -- little optimizations ------------------------------------------------------------------------


def _pseudo_inverse_times(gramian: Any, right: Any) -> Any:
    values, vectors = tf.linalg.eigh(gramian)
    counts = values > 1e-6 * tf.reduce_max(tf.abs(values))
    inverse = tf.where(counts, 1.0 / tf.where(counts, values, tf.ones_like(values)), 0.0)
    projected = tf.linalg.matvec(vectors, right, transpose_a=True)
    return tf.linalg.matvec(vectors, inverse * projected)


def _not_against_any(gramian: Any, rows: Any) -> Any:
    """The least v G v over v >= row, for each row: coordinate by coordinate."""
    gramian, _ = scaled(gramian)
    lengths = tf.linalg.diag_part(gramian)

    def sweep(number: Any, v: Any) -> tuple[Any, Any]:
        for i in range(gramian.shape[0]):
            rest = tf.linalg.matvec(v, gramian[i]) - v[:, i] * lengths[i]
            best = tf.where(lengths[i] > SMALLEST, -rest / tf.maximum(lengths[i], SMALLEST), 0.0)
            new = tf.maximum(rows[:, i], best)
            v += (new - v[:, i])[:, None] * tf.one_hot(i, gramian.shape[0])
        return number + 1, v

    return tf.while_loop(lambda number, _: number < _SWEEPS, sweep, (0, rows))[1]


def _on_simplex(gramian: Any, linear: Any, radius: Any) -> Any:
    """The least w·linear + radius*|g_w| over the simplex; of |g_w| alone where radius is 0.

    g_w is the mean of the gradients under w. Mass moves between two members at a time, by an
    amount that is exact.
    """
    gramian, scale = scaled(gramian)
    members = gramian.shape[0]
    only_length = tf.equal(radius, 0.0)
    linear = tf.where(only_length, tf.zeros_like(linear), linear / tf.sqrt(scale))
    radius = tf.where(only_length, 1.0, radius)
    pairs = [(i, j) for i in range(members) for j in range(i + 1, members)]

    def sweep(number: Any, w: Any) -> tuple[Any, Any]:
        for i, j in pairs:
            towards = tf.linalg.matvec(gramian, w)
            a = tf.maximum(gramian[i, i] + gramian[j, j] - 2 * gramian[i, j], 0.0)
            b = towards[i] - towards[j]
            slope = linear[i] - linear[j]
            amount = _least(slope, radius, a, b, tf.reduce_sum(w * towards))
            amount = tf.clip_by_value(amount, -w[i], w[j])
            w += amount * (tf.one_hot(i, members) - tf.one_hot(j, members))
        return number + 1, w

    start = tf.fill([members], 1.0 / members)
    return tf.while_loop(lambda number, _: number < _SWEEPS, sweep, (0, start))[1]


def _least(slope: Any, radius: Any, a: Any, b: Any, c: Any) -> Any:
    """The x of the least slope*x + radius*sqrt(a x² + 2 b x + c); far away where there is none."""
    far = 2.0  # more than all the mass that can be moved
    safe = tf.maximum(a, SMALLEST)
    rest = tf.maximum(c - b * b / safe, 0.0)
    room = radius * radius * a - slope * slope
    inside = slope * tf.sqrt(rest) / tf.sqrt(safe * tf.maximum(room, SMALLEST))
    x = -b / safe - inside
    # Nearly no difference between the two gradients, or a slope too steep for a least: to an end.
    x = tf.where(room > SMALLEST, x, -far * tf.sign(slope))
    return tf.where(a > 1e-12, x, -far * tf.sign(slope))


@tfloss.hookimpl
def tfloss_balances() -> list[Any]:
    """Register this module's balances."""
    return [mgda, cagrad, imtl_g, aligned, upgrad, dual_proj]
