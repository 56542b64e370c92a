"""Distances between two sets of rows, as samples of two distributions.

The rows of both need not belong together: `mmd(hidden1, teacher_hidden)` asks that both layers
look alike over a batch. One value per batch; memory grows with the square of the batch.
"""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast
from tfloss.ops import LOWEST, root, squared_distances, weighted_mean, weighted_rows


def _two_sets(first: Any, second: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
    (one, two), weight = weighted_rows(sample_weight, first=first, second=second)
    return one, two, weight


@tfloss.loss(
    same_shape=("first", "second"),
    per="batch",
    latex=r"2\,\mathrm{E}\Vert X-Y\Vert-\mathrm{E}\Vert X-X'\Vert-\mathrm{E}\Vert Y-Y'\Vert",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    kinks=("two rows coincide",),
    family="divergence",
    example="ce + 0.1*energy_distance(hidden2, other_domain)",
)
def energy_distance(first: Any, second: Any, sample_weight: Any = None) -> Any:
    """Energy distance: two sets of rows have one distribution, without any setting to choose.

    first, second: (batch, …), of one width; their rows need not belong together.
    sample_weight: (batch,), or None for all ones; counts for both sets.
    Returns a scalar: the square of scipy.stats.energy_distance.

    Source: Székely and Rizzo 2013, "Energy statistics", the energy distance.
    """
    sets = _two_sets(first, second, sample_weight)
    # A small difference of what may be large: it needs double precision.
    one, two, weight = (tf.cast(tensor, tf.float64) for tensor in sets)
    pairs = weight[:, None] * weight[None, :]
    found = _contrast(lambda a, b: -root(squared_distances(a, b)), one, two, pairs)
    return tf.cast(found, sets[0].dtype)


@tfloss.loss(
    same_shape=("first", "second"),
    per="batch",
    latex=r"\mathrm{E}\,k(X,X')+\mathrm{E}\,k(Y,Y')-2\,\mathrm{E}\,k(X,Y),"
    r"\ k(x,y)=e^{-\Vert x-y\Vert^2/2h^2}",
    range=(0, 2),
    zero_at_optimum=True,
    symmetric=True,
    family="divergence",
    example="ce + mmd(hidden2, other_domain, bandwidth=1)"
    " + mmd(hidden2, other_domain, bandwidth=4)",
)
def mmd(
    first: Any,
    second: Any,
    sample_weight: Any = None,
    *,
    bandwidth: Annotated[float, Above(0)] = 1.0,
) -> Any:
    """Maximum mean discrepancy, squared: two sets of rows look alike through a Gaussian kernel.

    first, second: (batch, …), of one width; their rows need not belong together.
    sample_weight: (batch,), or None for all ones; counts for both sets.
    Returns a scalar, between 0 and 2.

    bandwidth: h, positive: the distance on which the sets are compared. Several are a sum:
        mmd(bandwidth=1) + mmd(bandwidth=4).

    Source: Gretton et al. 2012, "A kernel two-sample test", eq. 5.
    """
    one, two, weight = _two_sets(first, second, sample_weight)
    pairs = weight[:, None] * weight[None, :]
    return _contrast(
        lambda a, b: tf.exp(-squared_distances(a, b) / (2 * bandwidth**2)), one, two, pairs
    )


def _contrast(kernel: Any, one: Any, two: Any, pairs: Any) -> Any:
    """How much more alike rows are within the sets than between; rounding makes it no negative."""
    within = weighted_mean(kernel(one, one), pairs) + weighted_mean(kernel(two, two), pairs)
    found = within - 2 * weighted_mean(kernel(one, two), pairs)
    return tf.where(found < 0, 0 * found, found)


@tfloss.loss(
    same_shape=("first", "second"),
    per="batch",
    latex=r"W_\epsilon(X,Y)-\tfrac12W_\epsilon(X,X)-\tfrac12W_\epsilon(Y,Y)",
    zero_at_optimum=True,
    symmetric=True,
    family="divergence",
    example="ce + 0.1*sinkhorn(hidden2, other_domain)",
)
def sinkhorn(
    first: Any,
    second: Any,
    sample_weight: Any = None,
    *,
    epsilon: Annotated[float, Above(0)] = 1.0,
    iterations: Annotated[int, AtLeast(1)] = 500,
    tolerance: Annotated[float, AtLeast(0)] = 1e-6,
) -> Any:
    """Sinkhorn divergence: what it costs to move one set of rows onto the other, smoothed.

    first, second: (batch, …), of one width; their rows need not belong together. Moving a row costs
    half of its squared distance.
    sample_weight: (batch,), or None for all ones; counts for both sets.
    Returns a scalar; where the iterations are too few for epsilon it can be below 0.

    epsilon: how much the plan is smoothed, in the unit of the cost; positive. Small ones need more
        iterations, about the largest cost divided by epsilon; the gradient converges later than
        the value.
    iterations: how often both potentials are updated at most, 1 or more; no gradient flows through
        them, as that of the limit does not need it.
    tolerance: updating ends once the potentials move by less than this share of the largest.

    Source: Feydy et al. 2019, "Interpolating between optimal transport and MMD using Sinkhorn
    divergences", eq. 3; Cuturi 2013.
    """
    one, two, weight = _two_sets(first, second, sample_weight)
    shares = weight / tf.maximum(tf.reduce_sum(weight), 1e-12)
    costs = tf.stack([squared_distances(a, b) / 2 for a, b in ((one, two), (one, one), (two, two))])
    found = _transport(costs, shares, epsilon, iterations, tolerance)
    return found[0] - found[1] / 2 - found[2] / 2


def _transport(costs: Any, shares: Any, epsilon: float, iterations: int, tolerance: float) -> Any:
    """Entropic cost of several problems between rows of the same shares.  costs: (p, n, n).

    At the optimum the cost's gradient is the plan, which the last update alone gives.
    """
    lowest = tf.constant(LOWEST, costs.dtype)
    there = shares > 0
    logs = tf.where(there, tf.math.log(tf.where(there, shares, tf.ones_like(shares))), lowest)

    def update(costs: Any, potential: Any) -> Any:
        """The rows' potentials that fit the columns'."""
        exponents = logs[None, None, :] + (potential[:, None, :] - costs) / epsilon
        return -epsilon * tf.reduce_logsumexp(exponents, axis=-1)

    fixed = tf.stop_gradient(costs)
    turned = tf.linalg.matrix_transpose(fixed)
    columns = tf.zeros_like(tf.reduce_sum(fixed, axis=-1))  # there may be no rows

    def step(number: Any, columns: Any, moves: Any) -> tuple[Any, Any, Any]:
        del moves
        found = update(turned, update(fixed, columns))
        # Nearer than this no float of the potentials' size can tell.
        least = tolerance * tf.maximum(tf.reduce_max(tf.abs(found)), epsilon)
        return number + 1, found, tf.reduce_max(tf.abs(found - columns)) > least

    _, columns, _ = tf.while_loop(
        lambda number, columns, moves: moves & (number < iterations),
        step,
        (tf.constant(0), columns, tf.constant(True)),
        maximum_iterations=iterations,
    )
    columns = tf.stop_gradient(columns)
    rows = update(costs, columns)
    return tf.reduce_sum(shares * (rows + columns), axis=-1)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [energy_distance, mmd, sinkhorn]
