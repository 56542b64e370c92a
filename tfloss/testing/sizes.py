"""Large batches: what a loss needs for 4,096 rows, told from its program without running it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from tfloss.lazy import tf
from tfloss.testing.checks import check
from tfloss.testing.inputs import map_arrays
from tfloss.testing.results import CheckFailure, NotApplicable
from tfloss.testing.subject import REFUSALS, Subject, as_tensors

ROWS = 4_096
_MOST = 8  # numbers for each pair of rows


@check("memory of a large batch")
def memory_of_a_large_batch(subject: Subject) -> int:
    """No tensor of 4,096 rows holds more than 8 numbers per pair of rows, or they are refused."""
    width = subject.widths[-1]
    try:
        graph = program(subject, width, ROWS).graph
    except REFUSALS as refusal:
        raise NotApplicable(f"{ROWS:,} rows are refused: {refusal}") from refusal
    shape, operation = largest_tensor(graph)
    if math.prod(shape) > _MOST * ROWS**2 and _more_than_rows(subject, width, math.prod(shape)):
        raise CheckFailure(
            f"{subject.loss.name} makes a tensor of shape {shape} ({operation}), "
            f"{4 * math.prod(shape) / 2**30:.1f} GiB in float32, of {ROWS:,} rows.",
            tried=f"the program of value and gradient for {ROWS:,} rows {width} wide, not run",
            cause="rows[:, None] - rows[None, :] holds batch² times width numbers: "
            "tfloss.ops.squared_distances needs batch² only. Compute in blocks, or refuse batches "
            "that do not fit with ValueError (tfloss.ops.few_enough_for_triples).",
        )
    return ROWS


def _more_than_rows(subject: Subject, width: int, size: int) -> bool:
    """Whether a quarter of the rows needs less than a quarter of the size."""
    quarter = math.prod(largest_tensor(program(subject, width, ROWS // 4).graph)[0])
    return size > 5 * quarter


def program(subject: Subject, width: int, rows: int) -> Any:
    """Value and gradients of so many rows, traced for their shapes alone.

    Raises:
        ValueError, TflossError: the loss refuses them.
        NotApplicable: it cannot be traced, which another check says.
    """
    few = as_tensors(subject.moderate(width, rows=4))

    def spec(name: str) -> Any:
        fixed = name == "weights"
        return map_arrays(
            lambda t: tf.TensorSpec(t.shape if fixed else (rows, *t.shape[1:]), t.dtype),
            {name: few[name]},
        )[name]

    specs = {name: spec(name) for name in few}
    try:
        return tf.function(subject.with_gradients, autograph=False).get_concrete_function(specs)
    except REFUSALS:
        raise
    except Exception as error:
        raise NotApplicable(f"it cannot be traced: {type(error).__name__}") from error


def largest_tensor(graph: Any) -> tuple[tuple[int, ...], str]:
    """The largest shape in a program that is known, and the operation that makes it."""
    return max(_shapes(graph), key=lambda found: math.prod(found[0]), default=((), ""))


def _shapes(graph: Any) -> Iterator[tuple[tuple[int, ...], str]]:
    definition = graph.as_graph_def(add_shapes=True)
    nodes = [*definition.node, *(n for f in definition.library.function for n in f.node_def)]
    for node in nodes:
        for shape in node.attr["_output_shapes"].list.shape:
            sizes = tuple(int(axis.size) for axis in shape.dim)
            if not shape.unknown_rank and np.all(np.array(sizes) >= 0):
                yield sizes, node.op
