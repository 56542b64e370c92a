"""The names that a formula can use in a Keras model of one's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tfloss.errors import UsageError
from tfloss.lazy import keras, tf
from tfloss.objective import Entry, Scope
from tfloss.student.keras_internals import graph_of, input_structure, sublayers
from tfloss.student.outputs import output_names
from tfloss.student.tapping import layers_by_path, named, recording
from tfloss.student.taps import Shape, find_taps, nested_taps, weights_by_path

PARTS = ("labels", "logits", "probs", "prediction")


def is_functional(model: Any) -> bool:
    """Whether all layers of a model are known before it runs."""
    return graph_of(model) is not None


def input_names(model: Any) -> list[str] | None:
    """The names of a functional model's inputs, as a dictionary of them has to spell them."""
    graph = graph_of(model)
    if graph is None:
        return None
    structure = input_structure(graph)
    if isinstance(structure, dict):
        return list(structure)
    return [tensor.name for tensor in graph.inputs]


def input_shapes(model: Any) -> dict[str, Shape]:
    """The shapes of a functional model's inputs by name; empty where they are not known."""
    names, graph = input_names(model), graph_of(model)
    return dict(
        zip(names or [], [tuple(t.shape) for t in graph.inputs] if graph else [], strict=True)
    )


def scope_of(
    model: Any,
    columns: Iterable[str],
    *,
    seen: Mapping[str, Shape | None] | None = None,
    names: Iterable[str] | None = None,
    inputs: Mapping[str, Shape] | None = None,
) -> Scope:
    """Every name that a formula on this model can use.

    Args:
        model: a Keras model.
        columns: what comes beside the labels, teachers' answers for example.
        seen: inner tensors with their shapes, once the model has run.
        names: of its outputs, once it has run.
        inputs: those that a subclassed model takes in a dictionary, once it has run.
    """
    outputs = list(names) if names is not None else output_names(model)
    weights = weights_by_path(model) if model.built else {}
    entries = [
        *_inputs(model, inputs),
        *_of_outputs(model, outputs or [""]),
        *_taps(model, seen or {}),
        *(Entry(name, "column", None, known_outside=True) for name in columns),
        Entry("weights", "the model's trainable weights", None, varies_per_example=False),
        Entry("sample_weight", "1 unless given", (None,), _ones, known_outside=True),
    ]
    _refuse_twice(entries)
    ran = seen is not None
    return Scope(
        entries,
        weights=weights,
        open_ended=not ran and not is_functional(model),
        weights_known=model.built,
    )


def _inputs(model: Any, given: Mapping[str, Shape] | None) -> list[Entry]:
    names = input_names(model)
    if names is None and given:
        return [Entry(n, "data", shape, known_outside=True) for n, shape in given.items()]
    if names is None or len(names) == 1:
        shape = tuple(graph_of(model).inputs[0].shape) if names else None
        return [Entry("inputs", "data", shape, known_outside=True)]
    shapes = [tuple(tensor.shape) for tensor in graph_of(model).inputs]
    return [
        Entry(name, "data", shape, known_outside=True)
        for name, shape in zip(names, shapes, strict=True)
    ]


def _of_outputs(model: Any, names: list[str]) -> list[Entry]:
    graph = graph_of(model)
    shapes: list[Any] = [None] * len(names)
    if graph is not None:
        shapes = [tuple(tensor.shape) for tensor in graph.outputs]
    entries = []
    for name, shape in zip(names, shapes, strict=False):
        if name:
            entries.append(Entry(name, "model output", shape))
        for part in PARTS:
            origin = "data" if part == "labels" else "model output"
            called = f"{name}.{part}" if name else part
            entries.append(Entry(called, origin, shape, known_outside=part == "labels"))
    return entries


def _taps(model: Any, seen: Mapping[str, Shape | None]) -> list[Entry]:
    graph = graph_of(model)
    known: dict[str, Shape | None] = {}
    if graph is not None:
        known = {name: tuple(tensor.shape) for name, tensor in find_taps(graph).items()}
        known |= nested_taps(graph)
    else:
        layers = sublayers(model)
        known = dict.fromkeys(layer.name for layer in layers)
        known |= nested_taps(model)
    known |= seen
    taken = {*(output_names(model) or []), *(input_names(model) or []), *PARTS, "inputs"}
    return [
        Entry(name, "layer of the model", shape)
        for name, shape in known.items()
        if name not in taken
    ]


def taps_of_own_layers(model: Any) -> dict[str, Shape | None]:
    """What `tfloss.tap` names in layers of the user's own inside of a functional model.

    The model is traced for it, once; not where all its layers are Keras'.
    """
    layers = layers_by_path(model).values()
    if all(type(layer).__module__.startswith("keras.") for layer in layers):
        return {}
    graph = graph_of(model)
    shapes: dict[str, Shape | None] = {}

    def look(*tensors: Any) -> None:
        with recording({}) as found:
            graph(keras.tree.pack_sequence_as(input_structure(graph), tensors), training=False)
        shapes.update({name: tuple(tensor.shape) for name, tensor in named(found).items()})

    specs = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in graph.inputs]
    tf.function(look, autograph=False).get_concrete_function(*specs)
    return shapes


def _refuse_twice(entries: list[Entry]) -> None:
    origins: dict[str, str] = {}
    for entry in entries:
        if entry.name in origins:
            raise UsageError(
                f"'{entry.name}' is both a {origins[entry.name]} and a {entry.origin}; rename one."
            )
        origins[entry.name] = entry.origin


def _ones(tensors: Mapping[str, Any]) -> Any:
    """Weights of one, as many as there are rows in whatever is at hand."""
    first = next(t for name, t in tensors.items() if name != "weights" and hasattr(t, "shape"))
    return tf.ones(tf.shape(first)[:1], tf.float32)


def rows_of(values: Any) -> Any:
    """The number of examples of a batch, a scalar tensor."""
    first = next(value for value in keras.tree.flatten(values) if value is not None)
    if isinstance(first, tf.RaggedTensor):
        return tf.cast(first.nrows(), tf.int32)
    if isinstance(first, tf.SparseTensor):
        return tf.cast(first.dense_shape[0], tf.int32)
    return tf.shape(first)[0]
