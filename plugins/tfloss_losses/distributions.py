"""The former home of `tfloss.ops`."""

from tfloss.ops import (  # noqa: F401
    FLOOR,
    as_distribution,
    columns,
    floored_log,
    log_probs,
    mean_per_example,
    nan_of,
    same_shape,
    several_columns,
    unit_length,
)
