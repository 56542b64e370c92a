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


def require(holds: bool, name: str, value: object, rule: str) -> None:
    """Refuse a setting's value that breaks its rule; `tfloss.constraints` declares it instead."""
    if not holds:
        raise ValueError(f"The setting '{name}' is {value} but {rule}.")
