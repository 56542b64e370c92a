"""Time warping: two series alike but for their pace."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, Interval
from tfloss.ops import same_shape

_FAR = 1e15  # stands for an infinite cost; its differences stay finite


def _costs(labels: Any, prediction: Any) -> Any:
    """Squared distance of each moment of one to each of the other, (batch, t, s)."""
    if len(labels.shape) != 3 or len(prediction.shape) != 3:
        raise ValueError("Both series must be (batch, time, k).")
    same_shape(labels=labels[:, 0], prediction=prediction[:, 0])
    gaps = labels[:, :, None] - prediction[:, None, :]
    return tf.reduce_sum(tf.square(gaps), axis=-1)


def _soft_minimum(ways: Any, gamma: float) -> Any:
    """-γ·log of the sum of e^(-way/γ), over the first axis."""
    least = tf.stop_gradient(tf.reduce_min(ways, axis=0))
    beyond = tf.reduce_sum(tf.exp(-tf.minimum((ways - least) / gamma, 1e3)), axis=0)
    return least - gamma * tf.math.log(beyond)


def _soft_alignment(costs: Any, gamma: float) -> Any:
    """Soft minimum over all alignments, (batch,), diagonal by diagonal; lengths must be known."""
    rows, across = costs.shape[1], costs.shape[2]
    if rows is None or across is None:
        raise ValueError("The series' lengths must be known; pad them to one length.")
    far = tf.zeros_like(costs[:, 0, 0]) + _FAR
    before: dict[int, Any] = {}
    last: dict[int, Any] = {}
    for diagonal in range(rows + across - 1):
        now = {}
        for row in range(max(0, diagonal - across + 1), min(rows, diagonal + 1)):
            entry = costs[:, row, diagonal - row]
            if diagonal:
                ways = [last.get(row - 1, far), last.get(row, far), before.get(row - 1, far)]
                entry = entry + _soft_minimum(tf.stack(ways), gamma)
            now[row] = entry
        before, last = last, now
    return last[rows - 1]


@tfloss.loss(
    latex=r"-\gamma\log\sum_Ae^{-\langle A,\Delta(x,y)\rangle/\gamma},\ \Delta_{ij}=\Vert x_i"
    r"-y_j\Vert^2",
    domains={"labels": "sequences", "prediction": "sequences"},
    symmetric=True,
    family="sequences",
    example="soft_dtw(labels=series, prediction=forecast)",
)
def soft_dtw(labels: Any, prediction: Any, *, gamma: Annotated[float, Above(0)] = 1.0) -> Any:
    """Soft dynamic time warping: two series alike but for their pace.

    labels: (batch, t, k).  prediction: (batch, s, k). Both lengths are known; the program grows
    with t·s, so they should not be above a hundred.
    Returns (batch,), in squared units; it may be negative.

    gamma: how soft the minimum over alignments is, in squared units, positive.

    Source: Cuturi and Blondel 2017, "Soft-DTW: a differentiable loss function for time-series",
    algorithm 1.
    """
    return _soft_alignment(_costs(labels, prediction), gamma)


@tfloss.loss(
    latex=r"\mathrm{dtw}_\gamma(x,y)-\tfrac12\mathrm{dtw}_\gamma(x,x)-\tfrac12\mathrm{dtw}_"
    r"\gamma(y,y)",
    range=(0, None),
    zero_at_optimum=True,
    domains={"labels": "sequences", "prediction": "sequences"},
    symmetric=True,
    family="sequences",
    example="soft_dtw_divergence(labels=series, prediction=forecast)",
)
def soft_dtw_divergence(
    labels: Any, prediction: Any, *, gamma: Annotated[float, Above(0)] = 1.0
) -> Any:
    """Soft-DTW divergence: zero for equal series and never negative.

    labels: (batch, t, k).  prediction: (batch, s, k), as of soft_dtw.
    Returns (batch,), in squared units.

    gamma: how soft the minimum over alignments is, in squared units, positive.

    Source: Blondel, Mensch and Vert 2021, "Differentiable divergences between time series".
    """
    crossed = _soft_alignment(_costs(labels, prediction), gamma)
    own = [_soft_alignment(_costs(series, series), gamma) for series in (labels, prediction)]
    return tf.nn.relu(crossed - (own[0] + own[1]) / 2)


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"\alpha\,\mathrm{dtw}_\gamma(x,y)+(1-\alpha)\langle A_\gamma,\Omega\rangle,"
    r"\ A_\gamma=\nabla_\Delta\mathrm{dtw}_\gamma,\ \Omega_{ij}=(i-j)^2/t^2",
    domains={"labels": "sequences", "prediction": "sequences"},
    family="sequences",
    example="dilate(labels=series, prediction=forecast)",
)
def dilate(
    labels: Any,
    prediction: Any,
    *,
    alpha: Annotated[float, Interval(0, 1)] = 0.5,
    gamma: Annotated[float, Above(0)] = 0.01,
) -> Any:
    """DILATE: errors of shape, by soft-DTW, and errors of time, by how far its alignment is off.

    labels, prediction: (batch, t, k), with t known; not above a hundred, as of soft_dtw.
    Returns (batch,), in squared units; it may be negative.

    alpha: the share of the shape; the rest is that of the time.
    gamma: how soft the minimum over alignments is, in squared units, positive.

    Source: Le Guen and Thome 2019, "Shape and time distortion loss for training deep time series
    forecasting models", eq. 2 to 4.
    """
    costs = _costs(labels, prediction)
    with tf.GradientTape() as tape:
        tape.watch(costs)
        shape = _soft_alignment(costs, gamma)
    alignment = tape.gradient(shape, costs)
    places = tf.cast(tf.range(tf.shape(costs)[1]), costs.dtype)
    late = tf.square(places[:, None] - places[None, :]) / int(costs.shape[1]) ** 2
    return alpha * shape + (1 - alpha) * tf.reduce_sum(alignment * late, axis=[1, 2])


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [soft_dtw, soft_dtw_divergence, dilate]
