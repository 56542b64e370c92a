"""The program of Keras' `fit` where a call takes one step, without what several steps need.

Keras wraps what a step answers in a `tf.experimental.Optional`, for the loop over several steps;
asking whether it has a value, and taking the value out, are two more calls of TensorFlow for every
step, and some Python for every tensor that is answered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfloss.lazy import keras, tf


def takes_single_steps(model: Any) -> bool:
    """Whether each call of a model's train function is one compiled step on one device."""
    one = model.steps_per_execution == 1 and not model.run_eagerly and not model.jit_compile
    alone = not tf.distribute.has_strategy()
    return one and alone and model.distribute_strategy is tf.distribute.get_strategy()


def single_step(step: Callable[[Any], Any], function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """What takes a step on the next batch of an iterator.

    Args:
        step: on a batch.
        function: Keras' own, for other iterators than those of `tf.data`.
    """

    def on_next(iterator: Any) -> Any:
        return step(keras.tree.map_structure(_none_for_optional, iterator.get_next()))

    program = tf.function(on_next, reduce_retracing=True, autograph=False)
    return lambda iterator: (
        program(iterator) if isinstance(iterator, tf.data.Iterator) else function(iterator)
    )


def _none_for_optional(part: Any) -> Any:
    """Keras hands over an `Optional` where an array is None."""
    return None if isinstance(part, tf.experimental.Optional) else part
