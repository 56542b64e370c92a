"""Whether a `tf.data.Dataset` calls Python: from a generator, or a function of NumPy."""

from __future__ import annotations

from typing import Any

_PYTHON = {"PyFunc", "EagerPyFunc", "PyFuncStateless", "GeneratorDataset"}


def calls_python(dataset: Any) -> bool:
    """Whether an element of the dataset, or of one that it is made from, needs Python.

    TensorFlow tells this in methods that are not public; without them the answer is yes, which is
    right for every dataset, and slower.
    """
    try:
        made_from, functions = dataset._inputs(), dataset._functions()
        operations = {name for f in functions for name in _operations(f.function.graph)}
    except AttributeError:
        return True
    return bool(operations & _PYTHON) or any(map(calls_python, made_from))


def _operations(graph: Any) -> set[str]:
    """The kinds of operations in a graph and in the functions that it calls."""
    definition = graph.as_graph_def()
    nodes = [definition.node, *(f.node_def for f in definition.library.function)]
    return {node.op for several in nodes for node in several}
