"""The inner tensors of a functional Keras model, and its weights, by the names of its layers."""

from __future__ import annotations

from typing import Any

from tfloss.lazy import keras


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


def _calls(layer: Any, model: Any) -> list[list[Any]]:
    """The output tensors of each call of a layer that belongs to this model's graph."""
    by_depth = sorted(model._nodes_by_depth.items(), reverse=True)  # the input is deepest
    nodes = [node for _, nodes in by_depth for node in nodes]
    return [list(node.output_tensors) for node in nodes if node.operation is layer]


def weights_by_path(model: Any) -> dict[str, Any]:
    """Trainable variables by 'layer/variable'; nested models by 'outer/inner/variable'."""
    paths: dict[str, Any] = {}
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
