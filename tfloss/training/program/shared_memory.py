"""Large arrays as tensors without a second copy of them.

`tf.constant` copies an array, and once more where its memory does not begin as TensorFlow's does:
a million rows of 2,000 columns would need their 8 GB two times more.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfloss.data.blocks import ALIGNED, aligned
from tfloss.lazy import tf

LEAST = 2**22  # bytes from which it is worth it


def tensor_of(values: np.ndarray, *, own: bool = False) -> Any:
    """The array as a tensor.

    Args:
        values: numbers or bool.
        own: whether nobody else changes the array, so that the tensor may have its memory.
    """
    if values.nbytes < LEAST or values.dtype.kind not in "fiu":
        return tf.constant(values)
    fits = values.flags.c_contiguous and values.flags.writeable
    if not (own and fits and values.ctypes.data % ALIGNED == 0):
        copy = aligned(values.shape, values.dtype)
        copy[...] = values
        values = copy
    shared = tf.experimental.dlpack.from_dlpack(values.__dlpack__())
    return tf.identity(shared) if tf.config.list_logical_devices("GPU") else shared
