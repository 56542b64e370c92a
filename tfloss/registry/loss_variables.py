"""What a loss can hold: variables of its own."""

from __future__ import annotations

from dataclasses import dataclass

from tfloss.errors import PluginError


@dataclass(frozen=True)
class LossVariable:
    """A variable that a loss holds, float32: a projection, class centres, a memory.

    A loss declares them with `@tfloss.loss(state=f)`, where `f(shapes, settings)` returns a mapping
    from name to `LossVariable`. They live in the objective: made with its seed, one set for each
    use of the loss in a formula, trained with the student, saved and restored with the run. The
    loss gets them as its keyword parameter `state`, tensors by name; `state.update(name, value)`
    gives one a new value while training, and does nothing while evaluating.

    Attributes:
        shape: whole numbers; it cannot depend on the batch's size.
        initializer: the name of a Keras initializer, 'glorot_uniform', or a number.
        trainable: whether the optimizer changes it, by its gradient.

    Raises:
        PluginError: an axis without a known, positive length.

    Example:
        >>> @tfloss.loss(state=lambda shapes, settings: {
        ...     "centres": tfloss.LossVariable((10, shapes["hidden"][-1]))
        ... })
        ... def center(labels, hidden, *, state):
        ...     own = tf.matmul(labels, state["centres"])
        ...     return tf.reduce_sum((hidden - own) ** 2, axis=-1)
    """

    shape: tuple[int, ...]
    initializer: str | float = "zeros"
    trainable: bool = True

    def __post_init__(self) -> None:
        if not all(isinstance(size, int) and size > 0 for size in self.shape):
            raise PluginError(
                f"A held variable has the shape {self.shape}; every axis needs a positive length "
                f"that is known, and the batch's is not."
            )
