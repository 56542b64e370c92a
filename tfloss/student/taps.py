"""The inner tensors of a functional Keras model, and its weights, by the names of its layers."""

from __future__ import annotations

from typing import Any

from tfloss.lazy import keras
from tfloss.student.keras_internals import (
    graph_of,
    nodes_in_order,
    sublayers,
    variables_of_its_own,
)

Shape = tuple[int | None, ...]


def find_taps(model: Any) -> dict[str, Any]:
    """Keras tensors by layer name.

    A layer that is called twice gives `name` and `name.call2`; one with several outputs gives
    `name.out1`, `name.out2`. A model that is not functional has no visible inner tensors.
    """
    if not hasattr(model, "operations"):
        return {}
    taps: dict[str, Any] = {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        for number, tensors in enumerate(_calls(layer, model), start=1):
            name = layer.name if number == 1 else f"{layer.name}.call{number}"
            if len(tensors) == 1:
                taps[name] = tensors[0]
            else:
                taps |= {f"{name}.out{i}": tensor for i, tensor in enumerate(tensors, start=1)}
    return taps


def nested_taps(model: Any) -> dict[str, Shape | None]:
    """Shapes of what layers inside of layers return, by path: 'encoder.dense_1'.

    A model that is called twice gives a second 'encoder.dense_1.call2'. Where a layer is not a
    functional model its own layers have no known shape before it runs.
    """
    taps: dict[str, Shape | None] = {}
    for layer in sublayers(model):
        count = max(1, len(_calls(layer, model))) if hasattr(model, "operations") else 1
        for path, shape in _taps_of(layer).items():
            for number in range(count):
                taps[_another_call(f"{layer.name}.{path}", number)] = shape
    return taps


def _taps_of(layer: Any) -> dict[str, Shape | None]:
    """The inner tensors of a layer: of a functional model with shapes, else only by name."""
    graph = graph_of(layer)
    layer = layer if graph is None else graph
    if graph is not None:
        known: dict[str, Shape | None] = {n: tuple(t.shape) for n, t in find_taps(layer).items()}
    else:
        inner = sublayers(layer)
        known = {part.name: None for part in inner}
    return known | nested_taps(layer)


def _another_call(path: str, later: int) -> str:
    """The name of the same tensor `later` calls later; only single calls can be told apart."""
    return path if later == 0 else f"{path}.call{later + 1}"


def _calls(layer: Any, model: Any) -> list[list[Any]]:
    """The output tensors of each call of a layer that belongs to this model's graph."""
    nodes = nodes_in_order(model)
    return [list(node.output_tensors) for node in nodes if node.operation is layer]


def weights_by_path(model: Any) -> dict[str, Any]:
    """Trainable variables by 'layer/variable'; nested models by 'outer/inner/variable'."""
    paths: dict[str, Any] = {v.name: v for v in variables_of_its_own(model)}
    trainable = {id(variable) for variable in model.trainable_variables}
    for layer in model.layers:
        inner = weights_by_path(layer) if isinstance(layer, keras.Model) else _own(layer)
        for path, variable in inner.items():
            if id(variable) in trainable:
                paths[f"{layer.name}/{path}"] = variable
    return paths


def _own(layer: Any) -> dict[str, Any]:
    """A layer's variables by name; where two share a name (a wrapped layer), by path."""
    names = [variable.name for variable in layer.trainable_variables]
    return {
        variable.name if names.count(variable.name) == 1 else variable.path: variable
        for variable in layer.trainable_variables
    }
