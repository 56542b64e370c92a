"""Types for annotations in plugins and programs.

    from tfloss.typing import Tensor

    @tfloss.loss(same_shape=("labels", "logits"))
    def squares(labels: Tensor, logits: Tensor) -> Tensor: ...

Importing this module imports neither TensorFlow nor numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

__all__ = ["Array", "Formula", "Tensor"]

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

    from tfloss.formula import Node

    Tensor: TypeAlias = tf.Tensor
    """A tensor of TensorFlow; Any to a type checker without its stubs."""
    Array: TypeAlias = np.ndarray[Any, Any]
    """An array of numpy."""
    Formula: TypeAlias = Node | str
    """A formula, as text or built in Python."""
else:
    Tensor = Array = Formula = Any
