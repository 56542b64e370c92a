"""Inner tensors that are seen while a model runs: named by its author, or made by its layers."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from tfloss.lazy import keras, tf
from tfloss.student.keras_internals import sublayers

T = TypeVar("T")

Found = dict[str, list[Any]]

_here = threading.local()  # replicas of one model run in threads of their own


def tap(name: str, tensor: T) -> T:
    """Make an inner tensor of your own model's `call` visible to formulas; returns the tensor.

        z = tfloss.tap("z_mean", self.mean(hidden))

    Outside of a tfloss training it does nothing.

    Args:
        name: what a formula calls it.
        tensor: (batch, …).
    """
    for found in _recordings():
        found.setdefault(name, []).append(tensor)
    return tensor


@contextmanager
def recording(layers: Mapping[str, Any]) -> Iterator[Found]:
    """Keep what `tap` names and what these layers return, while models run inside of the block.

    Args:
        layers: Keras layers by the name that their output is kept under.

    Yields:
        by name, the tensors in the order of the calls; a layer's several outputs as they are.
    """
    found: Found = {}
    _recordings().append(found)
    hooked = [_hooked(name, layer) for name, layer in layers.items()]
    try:
        yield found
    finally:
        for layer, before in reversed(hooked):
            _put_back(layer, before)
        _recordings().pop()
        _drop_rehearsals(found)


def _drop_rehearsals(found: Found) -> None:
    """Forget what was seen while Keras ran a layer in a graph of its own, to learn its shapes."""
    graph = None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()
    for name, calls in list(found.items()):
        found[name] = [value for value in calls if _of(graph, value)]
        if not found[name]:
            del found[name]


def _of(graph: Any, value: Any) -> bool:
    tensors = keras.tree.flatten(value)
    return all(tf.is_tensor(t) and _graph_of(t) is graph for t in tensors)


def _graph_of(tensor: Any) -> Any:
    """The graph of a tensor; None where it has a value."""
    return None if hasattr(tensor, "numpy") else tensor.graph


def _recordings() -> list[Found]:
    if not hasattr(_here, "recordings"):
        _here.recordings = []
    recordings: list[Found] = _here.recordings
    return recordings


def _hooked(name: str, layer: Any) -> tuple[Any, Any]:
    """Let a layer report what it returns; Keras looks `call` up on the object at every call."""
    before = vars(layer).get("call")
    call = layer.call

    def reporting(*args: Any, **kwargs: Any) -> Any:
        return tap(name, call(*args, **kwargs))

    object.__setattr__(layer, "call", reporting)
    return layer, before


def _put_back(layer: Any, before: Any) -> None:
    if before is None:
        vars(layer).pop("call", None)
    else:
        object.__setattr__(layer, "call", before)


def named(found: Found) -> dict[str, Any]:
    """Tensors by name: `name`, `name.call2` for a second call, `name.out1` for several outputs."""
    tensors: dict[str, Any] = {}
    for name, calls in found.items():
        for number, value in enumerate(calls, start=1):
            called = name if number == 1 else f"{name}.call{number}"
            parts = keras.tree.flatten(value)
            if len(parts) == 1:
                tensors[called] = parts[0]
            else:
                tensors |= {f"{called}.out{i}": part for i, part in enumerate(parts, start=1)}
    return tensors


def layers_by_path(model: Any) -> dict[str, Any]:
    """Every layer at any depth: 'encoder.dense_1' is that layer of the model 'encoder'."""
    paths: dict[str, Any] = {}
    for layer in sublayers(model):
        if isinstance(layer, keras.layers.InputLayer) or layer.name in paths:
            continue
        paths[layer.name] = layer
        paths |= {f"{layer.name}.{path}": inner for path, inner in layers_by_path(layer).items()}
    return paths


def layer_of(name: str, paths: Mapping[str, Any]) -> str | None:
    """The path of the layer that makes the tensor of this name: without '.call2' and '.out1'."""
    while name not in paths:
        head, dot, tail = name.rpartition(".")
        if not dot or not tail.startswith(("call", "out")):
            return None
        name = head
    return name
