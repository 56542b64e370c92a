"""How many steps one call takes: about half a second, so that a person sees progress and can stop.

The guesses are from two cores of a server and from a large GPU, on which a step of the smallest
network takes ten times longer than on a core, and one of a large network a hundredth.
"""

from __future__ import annotations

from tfloss.lazy import tf
from tfloss.training.loop.in_memory import Engine

_STEPS = {"xla": 100_000, "graph": 2_500, "eager": 100}
_STEPS_ON_GPU = {"xla": 10_000, "graph": 500, "eager": 100}
_MULTIPLY_ADDS, _MULTIPLY_ADDS_ON_GPU = 3e10, 3e12

# A training that few calls could do has ten chunks nevertheless, or as many as last a fifth of a
# second each: between two of them the weights are copied, which takes a thousandth or two.
_CHUNKS = 10
_SHORTEST = 0.4  # of a call's work
_BATCHES_READ_AT_ONCE = 1_000


def steps_per_call(
    compiled_as: str, work_per_step: int, most: int | None = None, passes: int = 1
) -> int:
    """How many steps one call takes, at least 1.

    Args:
        compiled_as: 'xla', 'graph' or 'eager'.
        work_per_step: multiply-adds of one step.
        most: how many it may take at most; None: any number.
        passes: of the longest loop in a step, each of which costs what a small step does.
    """
    on_gpu = bool(tf.config.list_logical_devices("GPU"))
    by_count = (_STEPS_ON_GPU if on_gpu else _STEPS)[compiled_as] // passes
    by_work = (_MULTIPLY_ADDS_ON_GPU if on_gpu else _MULTIPLY_ADDS) / max(work_per_step, 1)
    return max(1, min(by_count, int(by_work), most or max(by_count, 1)))


def epochs_per_chunk(engine: Engine, epochs: int, most: int | None = None) -> int:
    """How many epochs one call trains: always the same for one program, which has their shape.

    Args:
        engine: the program.
        epochs: of the whole training.
        most: how many steps one call may take at most; None: any number.
    """
    steps = _steps(engine, most)
    affordable = steps / engine.steps_per_epoch
    wanted = max(-(-epochs // _CHUNKS), int(_SHORTEST * affordable))
    return max(1, min(wanted, epochs, int(affordable)))


def epochs_per_block(length: int, most: int, work: int | None) -> int:
    """How many epochs of a stream are read and trained at once, at least 1.

    A generator in Python may take a thousandth of a second for a batch, and nothing is seen of a
    training before its first block is there: blocks of several epochs stay short.

    Args:
        length: batches of an epoch.
        most: batches that fit into a block.
        work: batches to train on, all together; None: any number.
    """
    affordable = min(most, _BATCHES_READ_AT_ONCE) // length
    wanted = affordable if work is None else -(-work // (length * _CHUNKS))
    return max(1, min(affordable, wanted))


def steps_per_segment(engine: Engine, most: int | None = None) -> int | None:
    """How many steps of an epoch one call trains; None where whole epochs are short enough."""
    affordable = _steps(engine, most)
    return affordable if affordable < engine.steps_per_epoch else None


def _steps(engine: Engine, most: int | None) -> int:
    passes = engine.passes_per_step
    return steps_per_call(engine.compiled_as, engine.work_per_step, most, passes)
