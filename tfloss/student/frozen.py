"""Frozen networks that a formula calls on tensors: `mse(vgg(prediction).block3, …)`.

Whatever a network is called on, it runs as in `predict`: dropout is off, batch normalisation uses
the averages that it has. Its weights are none of those that a training changes.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tfloss.errors import UsageError
from tfloss.io.archive_check import check_keras_file
from tfloss.lazy import keras, tf
from tfloss.objective.scope import Shape
from tfloss.registry import Network, Registry
from tfloss.registry.shapes import compatible, shape_text
from tfloss.student.saved import load_network
from tfloss.student.structures import input_shapes, output_shapes, outputs_by_name
from tfloss.student.tapping import layer_of, layers_by_path, named, recording
from tfloss.student.taps import find_taps, nested_taps

OUTPUT = ""  # the name of what a network returns


def with_networks(
    registry: Registry, networks: Mapping[str, Any] | Sequence[str] | None
) -> Registry:
    """The registry with frozen networks in it; the one that is given stays as it is.

    Args:
        registry: what names stand for.
        networks: by the name that formulas call them by, Keras models or `.keras` files; or texts
            'vgg=file.keras'.

    Raises:
        UsageError: something that is no model, a file that is not one, or a name that is taken.
    """
    if not networks:
        return registry
    given = networks if isinstance(networks, Mapping) else dict(map(_named, networks))
    found = [frozen(name, model) for name, model in given.items()]
    for network in found:
        other = registry.in_formula(network.name, "tensors") or registry.in_formula(network.name)
        if other is not None:
            raise UsageError(
                f"A network cannot be called '{network.name}', the name of a {other.kind}; give it "
                f"another."
            )
    return Registry(registry.plugins).add(*registry.own, *found)


def _named(text: str) -> tuple[str, str]:
    name, equals, path = text.partition("=")
    if not equals or not name.isidentifier() or not path:
        raise UsageError(f"A network is given as NAME=FILE.keras, not as '{text}'.")
    return name, path


def frozen(name: str, model: Any) -> Network:
    """The declaration of a network.

    Args:
        name: what formulas call it by.
        model: a built Keras model with one input, or a `.keras` file, which is looked through now
            and loaded when it is first needed.

    Raises:
        UsageError: anything else.
    """
    function: _Frozen
    if isinstance(model, (str, Path)):
        function = _FromFile(Path(model))
    elif isinstance(model, keras.Model):
        function = _Frozen(name, getattr(model, "tfloss_student", model))
    else:
        raise UsageError(
            f"The network '{name}' is a {type(model).__name__}; give a Keras model, or the path of "
            f"a .keras file."
        )
    layers, shapes, digest = function.layers, function.shape_of, function.digest
    return Network(name=name, function=function, layers=layers, shapes=shapes, digest=digest)


class _Frozen:
    """Calls a Keras model; equal where the model is the same."""

    def __init__(self, name: str, model: Any) -> None:
        if not model.built:
            raise UsageError(f"The network '{name}' has no weights yet; build or load it first.")
        self.model = model

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Frozen) and other.model is self.model

    def __hash__(self) -> int:
        return hash((type(self), id(self.model)))

    def __call__(self, tensor: Any, parts: Any) -> dict[str, Any]:
        """A frozen network: its output, and its layers by their names."""
        paths = layers_by_path(self.model)
        found = {part: path for part in parts if (path := layer_of(part, paths)) is not None}
        with recording({path: paths[path] for path in found.values()}) as seen:
            answers = self.model(tensor, training=False)
        tensors = {part: value for part, value in named(seen).items() if part in parts}
        if OUTPUT in parts:
            outputs = outputs_by_name(self.model, answers)
            if len(outputs) > 1:
                raise ValueError(f"It has several outputs; name one of its layers: {list(paths)}.")
            tensors[OUTPUT] = next(iter(outputs.values()))
        return {part: tf.cast(value, tf.float32) for part, value in tensors.items()}

    def layers(self) -> tuple[str, ...] | None:
        return tuple(layers_by_path(self.model))

    def shape_of(self, given: Shape, part: str) -> Shape | None:
        """The shape of a layer's output for what it is called on; refuses what it cannot take."""
        inputs = input_shapes(self.model)
        if len(inputs) > 1:
            raise ValueError("it has several inputs, and a formula calls it on one tensor.")
        for shape in inputs.values():
            if not compatible(shape, given):
                raise ValueError(f"it takes {shape_text(shape)}, not {shape_text(given)}.")
        if part == OUTPUT:
            return output_shapes(self.model).get(OUTPUT)
        if not inputs:
            return None
        taps = {name: tuple(tensor.shape) for name, tensor in find_taps(self.model).items()}
        return {**nested_taps(self.model), **taps}.get(part)

    def digest(self) -> str:
        """Of its layers and weights."""
        summed = hashlib.sha256()
        for variable in self.model.weights:  # without seeds, which decide nothing here
            summed.update(f"{tuple(variable.shape)} {variable.dtype}".encode())
            summed.update(np.ascontiguousarray(variable.numpy()).tobytes())
        return summed.hexdigest()


class _FromFile(_Frozen):
    """The same of a file, whose layers are known before TensorFlow is imported."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise UsageError(f"There is no file '{path}' to load a network from.")
        check_keras_file(path)
        self.path = path

    @cached_property
    def model(self) -> Any:  # type: ignore[override]
        return load_network(self.path)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _FromFile) and other.path == self.path

    def __hash__(self) -> int:
        return hash((type(self), self.path))

    def layers(self) -> tuple[str, ...] | None:
        with zipfile.ZipFile(self.path) as archive:
            config = json.loads(archive.read("config.json"))
        return tuple(_layer_names(config)) if "layers" in config.get("config", {}) else None


def _layer_names(config: Mapping[str, Any]) -> Iterator[str]:
    """The paths of the layers in a model's configuration, as `layers_by_path` has them."""
    for layer in config.get("config", {}).get("layers", []):
        if layer.get("class_name") == "InputLayer":
            continue
        name = layer["config"]["name"]
        yield name
        yield from (f"{name}.{inner}" for inner in _layer_names(layer))
