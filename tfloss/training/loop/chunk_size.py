"""How many steps one call takes: about half a second, so that a person sees progress and can stop.

The guesses are from two cores of a server and from a large GPU, on which a step of the smallest
network takes ten times longer than on a core, and one of a large network a hundredth.
"""

from __future__ import annotations

from tfloss.lazy import tf

_STEPS = {"xla": 100_000, "graph": 2_500, "steps": 100}
_STEPS_ON_GPU = {"xla": 10_000, "graph": 500, "steps": 100}
_MULTIPLY_ADDS, _MULTIPLY_ADDS_ON_GPU = 3e10, 3e12


def steps_per_call(compiled_as: str, work_per_step: int, most: int | None = None) -> int:
    """How many steps one call takes, 1 or more.

    Args:
        compiled_as: 'xla', 'graph' or 'steps'.
        work_per_step: multiply-adds of one step.
        most: how many it may take at most, where somebody has said so.
    """
    on_gpu = bool(tf.config.list_logical_devices("GPU"))
    by_count = (_STEPS_ON_GPU if on_gpu else _STEPS)[compiled_as]
    by_work = (_MULTIPLY_ADDS_ON_GPU if on_gpu else _MULTIPLY_ADDS) / max(work_per_step, 1)
    return max(1, min(by_count, int(by_work), most or by_count))
