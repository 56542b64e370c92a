"""Two replicas on one machine.

A machine without accelerators has one CPU device. TensorFlow splits it into two logical ones when
asked before it starts; the kit asks at its first check. Where TensorFlow has started already, there
is one replica, and `on_two_replicas` says so by returning None.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import cache
from typing import Any

from tfloss.lazy import tf


def prepare_devices() -> None:
    """Ask TensorFlow for two logical CPU devices, if it has not started."""
    cpus = tf.config.list_physical_devices("CPU")
    if cpus and tf.config.get_logical_device_configuration(cpus[0]) is None:
        # It raises when TensorFlow has started; nothing is lost then but the true replicas.
        with contextlib.suppress(RuntimeError):
            tf.config.set_logical_device_configuration(
                cpus[0], [tf.config.LogicalDeviceConfiguration()] * 2
            )


@cache
def _strategy() -> Any:
    """A strategy of two CPU replicas, or None."""
    prepare_devices()
    devices = [device.name for device in tf.config.list_logical_devices("CPU")[:2]]
    return tf.distribute.MirroredStrategy(devices) if len(devices) == 2 else None


def on_two_replicas(function: Callable[[Any], Any], tensors: list[Any]) -> list[Any] | None:
    """`function` of the first tensors on one replica and of the second on another.

    Returns:
        both results, or None where there is only one device.
    """
    strategy = _strategy()
    if strategy is None:
        return None

    @tf.function(autograph=False)
    def both() -> Any:
        given = strategy.experimental_distribute_values_from_function(
            lambda context: tensors[context.replica_id_in_sync_group]
        )
        return strategy.run(function, (given,))

    result = both()
    return [
        tf.nest.map_structure(
            lambda value, i=i: strategy.experimental_local_results(value)[i], result
        )
        for i in range(2)
    ]
