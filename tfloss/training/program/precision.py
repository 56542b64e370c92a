"""Mixed precision: the student computes in half precision, all else stays in float32.

Weights, losses and logged values are float32 whatever the student computes in. In float16 small
gradients would become zero, so that the total is multiplied before the gradients are taken and they
are divided again after; the factor is halved whenever one overflows, and that step is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, get_args

from tfloss.errors import UsageError, did_you_mean, listed
from tfloss.lazy import keras
from tfloss.student.keras_internals import sublayers

Precision = Literal["float32", "mixed_float16", "mixed_bfloat16"]
PRECISIONS: tuple[str, ...] = get_args(Precision)


def check_precision(name: str) -> None:
    """Refuse a name that is none of `PRECISIONS`."""
    if name not in PRECISIONS:
        raise UsageError(
            f"precision cannot be '{name}'.{did_you_mean(name, PRECISIONS)} "
            f"Known: {listed(PRECISIONS)}."
        )


@contextmanager
def computing_in(name: str) -> Iterator[None]:
    """Models that are built meanwhile compute in this precision."""
    check_precision(name)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def refuse_for_built_model(name: str) -> None:
    """A model that exists has its precision already."""
    if name != "float32":
        raise UsageError(
            f"precision='{name}' is for students that tfloss builds; build your model after "
            f"keras.config.set_dtype_policy('{name}') and leave precision out."
        )


def with_loss_scaling(optimizer: Any, model: Any) -> Any:
    """The optimizer, scaling the loss where a layer of the model computes in float16."""
    layers = [model, *sublayers(model, recursive=True)]
    halves = any(layer.compute_dtype == "float16" for layer in layers)
    if not halves or isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return optimizer
    return keras.optimizers.LossScaleOptimizer(optimizer)
