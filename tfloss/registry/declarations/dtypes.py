"""The dtypes of what a loss is called with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfloss.lazy import tf


def full_precision(tensor: Any) -> Any:
    """Half precision as float32, in which losses compute; anything else as it is."""
    if isinstance(tensor, list):
        return [full_precision(one) for one in tensor]
    return tf.cast(tensor, tf.float32) if _dtype(tensor) in ("float16", "bfloat16") else tensor


def of_one_dtype(given: Mapping[str, Any], groups: tuple[tuple[str, ...], ...]) -> dict[str, Any]:
    """Whole numbers in the dtype of the other tensors of their shape: labels of 0 and 1."""
    changed = {}
    for group in groups:
        there = [(name, given[name]) for name in group if given.get(name) is not None]
        floats = [_dtype(tensor) for _, tensor in there if _dtype(tensor).startswith("float")]
        for name, tensor in there:
            if floats and _dtype(tensor).startswith(("int", "uint", "bool")):
                changed[name] = tf.cast(tensor, floats[0])
    return changed


def _dtype(tensor: Any) -> str:
    """The name of a tensor's dtype; '' of what has none."""
    dtype = getattr(tensor, "dtype", None)
    return str(getattr(dtype, "name", dtype or ""))
