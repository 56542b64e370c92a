"""TensorFlow keeps the gradient of each `tf.custom_gradient` that was traced as long as it runs.

It holds tensors, and by them the whole graph that it was traced in. Keras' optimizers trace one in
each step (the sum over replicas), so that 200 trainings in one process would keep 200 programs.
Once a step is traced its gradients are in the graph, and nobody asks for these functions again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tfloss.lazy import tf


@contextmanager
def forgotten_gradients() -> Iterator[None]:
    """What is registered meanwhile for the graph that is being traced is taken out at the end.

    Other threads may trace graphs of their own. (`_registry` is TensorFlow's private name.)
    """
    if tf.executing_eagerly():  # where nothing is registered
        yield
        return
    from tensorflow.python.framework import ops

    registered: dict[str, Any] = getattr(ops.gradient_registry, "_registry", {})
    before = set(registered)
    try:
        yield
    finally:
        graph = tf.compat.v1.get_default_graph()
        for name in set(registered) - before:
            if _is_traced_in(registered[name].get("type"), graph):
                del registered[name]


def _is_traced_in(gradient: Any, graph: Any) -> bool:
    """Whether a registered function is of a tensor in this graph, or in a loop or branch of it."""
    found = _graph_of(gradient)
    while found is not None and found is not graph:
        found = getattr(found, "outer_graph", None)
    return found is not None


def _graph_of(gradient: Any) -> Any:
    """Of the results of the custom gradient; None where it is another kind of function."""
    try:
        inner = dict(zip(gradient.__code__.co_freevars, gradient.__closure__, strict=True))
        of = inner["tape_grad_fn"].cell_contents
        held = dict(zip(of.__code__.co_freevars, of.__closure__, strict=True))
        return tf.nest.flatten(held["result"].cell_contents)[0].graph
    except (AttributeError, KeyError, IndexError, TypeError):
        return None
