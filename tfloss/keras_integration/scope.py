"""The names that a formula can use in a Keras model of one's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from tfloss.errors import UsageError
from tfloss.lazy import keras, tf
from tfloss.objective import Entry, Scope
from tfloss.student.keras_internals import graph_of, input_structure, sublayers
from tfloss.student.structures import (
    INPUTS,
    LABELS,
    input_names,
    input_shapes,
    output_names,
    output_shapes,
)
from tfloss.student.tapping import layers_by_path, named, recording
from tfloss.student.taps import Shape, find_taps, nested_taps, weights_by_path

PARTS = (LABELS, "logits", "probs", "prediction")


def is_functional(model: Any) -> bool:
    """Whether all layers of a model are known before it runs."""
    return graph_of(model) is not None


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
        columns: what comes next to the labels, teachers' predictions for example.
        seen: inner tensors with their shapes, once the model has run.
        names: of its outputs, once it has run.
        inputs: those that a subclassed model takes in a dictionary, once it has run.
    """
    outputs = list(names) if names is not None else output_names(model)
    weights = weights_by_path(model) if model.built else {}
    weight = Entry("sample_weight", "1 unless given", (None,), _ones, known_outside=True)
    trained = Entry("weights", "the model's trainable weights", None, varies_per_example=False)
    entries = {
        "an input": _inputs(model, inputs),
        "an output or its labels": _of_outputs(model, outputs or [""]),
        "a layer": _taps(model, seen or {}),
        "a column": [Entry(name, "column", None, known_outside=True) for name in columns],
        "all trainable weights": [trained],
        "the sample weights": [weight],
    }
    ran = seen is not None
    return Scope(
        _named_once(entries),
        weights=weights,
        open_ended=not ran and not is_functional(model),
        weights_known=model.built,
    )


def _inputs(model: Any, given: Mapping[str, Shape] | None) -> list[Entry]:
    shapes: Mapping[str, Shape | None] = given or input_shapes(model)
    if len(shapes) < 2:
        shapes = {INPUTS: next(iter(shapes.values()), None)}
    return [Entry(name, "data", shape, known_outside=True) for name, shape in shapes.items()]


def _of_outputs(model: Any, names: list[str]) -> list[Entry]:
    shapes = output_shapes(model)
    entries = []
    for name in names:
        shape = shapes.get(name)
        if name:
            entries.append(Entry(name, "model output", shape))
        for part in PARTS:
            origin = "data" if part == LABELS else "model output"
            called = f"{name}.{part}" if name else part
            own = _open_ended(shape) if part == LABELS else shape
            entries.append(Entry(called, origin, own, known_outside=part == LABELS))
    return entries


def _open_ended(shape: Shape | None) -> Shape | None:
    """Labels' own width is known with the data: an output may have several columns for each."""
    return shape if shape is None or len(shape) < 2 or shape[-1] == 1 else (*shape[:-1], None)


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
    inputs, outputs = input_names(model) or [], output_names(model) or []
    taken = {*outputs, *inputs, INPUTS, *(PARTS if len(outputs) < 2 else ())}
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


def _named_once(entries: Mapping[str, list[Entry]]) -> list[Entry]:
    """One entry for each name.

    Two things of one name are refused where the formula names them; of a column at once, since the
    user chose its name and can choose another.
    """
    once: dict[str, Entry] = {}
    kinds: dict[str, str] = {}
    for kind, some in entries.items():
        for entry in some:
            other = kinds.setdefault(entry.name, kind)
            if entry.name not in once:
                once[entry.name] = entry
                continue
            unclear = f"'{entry.name}' is both {other} and {kind}; rename one."
            if "a column" in (other, kind):
                raise UsageError(unclear)
            once[entry.name] = replace(entry, unclear=unclear)
    return list(once.values())


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
