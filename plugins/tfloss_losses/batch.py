"""The former home of `tfloss.ops`."""

from tfloss.ops import (  # noqa: F401
    LOWEST,
    as_rows,
    centred,
    covariance,
    largest,
    log_sum,
    pair_weights,
    root,
    same_class,
    squared_distances,
    weighted_mean,
    weighted_rows,
)
