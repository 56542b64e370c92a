"""XLA or TensorFlow's graph executor: chosen by what a step consists of and how many are ahead.

XLA makes one program of a whole training, without what the graph executor spends on each operation,
but takes a second or more to compile it. And on a processor it computes some operations with plain
loops, for which the graph executor has a tuned library. So, in this order:

1. A step with operations that XLA computes much slower on a processor (`SLOW`) is never XLA's.
2. Steps that run a loop (recurrent layers: an operation costs in each of its passes) repay XLA's
   compiling from `STEPS_WITH_LOOPS` on, others from `STEPS` on.

The operations are those of the traced step, gradients among them, so that layers of one's own count
as Keras' do. The same model, formula, rows and number of steps choose the same.

The ratios were measured by `python -m tests.benchmarks.op_kinds` (docs/benchmarks/op_kinds.md), the
numbers of steps by `python -m tests.benchmarks.zoo` (docs/benchmarks/zoo.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tfloss.lazy import tf
from tfloss.training.options import Compile

STEPS = 6_000
STEPS_WITH_LOOPS = 1_000


@dataclass(frozen=True)
class Slow:
    """Operations that XLA computes slower than the graph executor, on a processor.

    Attributes:
        what: for people.
        ops: TensorFlow's names of them, those of their gradients among them.
    """

    what: str
    ops: frozenset[str]


# Convolutions take 13 to 46 times as long under XLA, by depth 60 to 117 times, the largest of a
# window 1.5 to 18 times. What is not here is about as fast or faster: matrix products 0.8 to 1.5 of
# the time, attention 0.7, normalization 0.2 to 0.8, elementwise functions 0.1 to 0.4, recurrent
# layers 0.4 to 0.6. Dropout takes 2.3 times as long and sorting 2 to 7 times, but what surrounds
# them mostly gains more.
SLOW = (
    Slow(
        "convolutions",
        frozenset(
            f"{name}{part}"
            for name in ("Conv2D", "Conv3D", "DepthwiseConv2dNative", "Conv")
            for part in (
                "",
                "BackpropInput",
                "BackpropFilter",
                "BackpropInputV2",
                "BackpropFilterV2",
            )
        ),
    ),
    Slow(
        "the largest of a window",
        frozenset(f"MaxPool{kind}{part}" for kind in ("", "3D") for part in ("", "V2", "Grad")),
    ),
)
_LOOPS = frozenset({"While", "StatelessWhile"})


@dataclass(frozen=True)
class Choice:
    """How a training is compiled, and why.

    Attributes:
        compiled_as: 'xla', 'graph' or 'eager'.
        reason: one clause.
    """

    compiled_as: str
    reason: str

    def __str__(self) -> str:
        return f"{self.compiled_as}: {self.reason}"


def choose(
    compile: Compile,
    steps: int | None,
    ops: Callable[[], frozenset[str]],
    before: str | None = None,
) -> Choice:
    """Choose for a training.

    Args:
        compile: 'auto', or what somebody asked for.
        steps: how many are ahead; None: there is no end to them.
        ops: the operations of a step; only asked for where they can decide.
        before: what the checkpoint was made under that the training goes on from.
    """
    if compile != "auto":
        return Choice(compile, "as asked")
    if before:
        return Choice(before, "as in the checkpoint")
    if steps is not None and steps < STEPS_WITH_LOOPS:
        return Choice("graph", f"{steps:,} steps do not repay XLA's compiling")
    found = ops()
    if not tf.config.list_logical_devices("GPU"):
        for slow in SLOW:
            if slow.ops & found:
                return Choice("graph", f"XLA computes {slow.what} many times slower on a processor")
    enough, kind = (STEPS_WITH_LOOPS, " with a loop") if found & _LOOPS else (STEPS, "")
    if steps is not None and steps < enough:
        return Choice("graph", f"{steps:,} steps do not repay XLA's compiling, {enough:,} would")
    many = "steps without end" if steps is None else f"{steps:,} steps{kind}"
    return Choice("xla", f"{many} repay XLA's compiling, and none of its operations is slow there")


def choose_for_replicas(compile: Compile, replicas: int) -> Choice:
    """Choose for a step that replicas share: never XLA.

    A step's replicas exchange rows in the middle of it. TensorFlow compiles such an exchange only
    where every device is a GPU, and then as part of the whole loop.

    Args:
        compile: as for `choose`.
        replicas: how many there are.
    """
    if compile in ("auto", "xla"):
        asked = ", though it was asked for" if compile == "xla" else ""
        why = f"XLA does not compile what {replicas} replicas exchange within a step{asked}"
        return Choice("graph", why)
    return Choice(compile, "as asked")


def ops_of(body: Callable[..., Any], specs: Iterable[Any]) -> frozenset[str]:
    """The names of TensorFlow's operations in a function of tensors, once it is traced.

    Empty where it cannot be traced: whoever compiles it says why.
    """
    try:
        program = tf.function(body, autograph=False).get_concrete_function(*specs)
    except Exception:
        return frozenset()
    graph = program.graph.as_graph_def()
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    return frozenset(node.op for node in nodes)
