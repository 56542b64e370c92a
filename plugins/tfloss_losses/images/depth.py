"""Maps of depth."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, Interval
from tfloss.ops import mean_per_example


@tfloss.loss(
    family="images",
    same_shape=("labels", "prediction"),
    latex=r"\frac1n\sum_ud_u^2-\frac\lambda{n^2}\Bigl(\sum_ud_u\Bigr)^2,\ d=\log y-\log\hat y",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    domains={"labels": "amounts", "prediction": "amounts"},
    example="scale_invariant_log(labels=picture, prediction=drawn)",
)
def scale_invariant_log(
    labels: Any,
    prediction: Any,
    *,
    share: Annotated[float, Interval(0, 1)] = 0.5,
    smallest: Annotated[float, Above(0)] = 1e-3,
) -> Any:
    """Scale-invariant log error, for depth: relations count more than the scale of the whole.

    labels, prediction: (batch, …), above 0.
    Returns (batch,).

    share: λ, of the mean error that is forgiven, from 0 to 1.
    smallest: what a smaller value counts as, in the unit of both; positive.

    Source: Eigen, Puhrsch and Fergus 2014, "Depth map prediction from a single image using a
    multi-scale deep network", eq. 4.
    """
    one, two = (tf.math.log(tf.maximum(x, smallest)) for x in (labels, prediction))
    apart = one - two
    mean = mean_per_example(apart)
    lag = apart - tf.reshape(mean, [-1] + [1] * (len(apart.shape) - 1))
    # The variance plus what is left of the mean: no difference of two large squares.
    return mean_per_example(tf.square(lag)) + (1 - share) * tf.square(mean)
