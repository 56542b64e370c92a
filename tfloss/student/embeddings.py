"""Vectors for categories of many values, learnt in front of a student.

The last columns of its inputs are positions, and each becomes the vector at that position. As a
product with a row of 0 and 1, and not as a lookup: its gradient has the shape of the weights, as
the guard against NaN, XLA, and comparisons that stack many seeds ask for, and every format of
export can hold it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from tfloss.lazy import keras
from tfloss.student.keras_internals import called_by_twins, graph_of

Embedding = tuple[str, int, int]  # the column's name, how many vectors, numbers in each


def width_of(inputs: int, embeddings: Sequence[Embedding]) -> int:
    """How many numbers a model behind the vectors takes, for so many inputs."""
    return inputs - len(embeddings) + sum(units for _, _, units in embeddings)


def behind_vectors(model: Any, inputs: int, embeddings: Sequence[Embedding]) -> Any:
    """A Keras model from (n, inputs) that has the layers of `model` behind the vectors.

    Args:
        model: takes (n, `width_of(inputs, embeddings)`).
        inputs: columns, of which the last are positions, one for each embedding.
        embeddings: in their order.
    """
    source = keras.Input((inputs,), name="inputs")
    numbers = inputs - len(embeddings)
    parts = [source[:, :numbers]] if numbers else []
    taken = {layer.name for layer in model.layers}
    for at, (column, vectors, units) in enumerate(embeddings, start=numbers):
        positions = keras.ops.cast(source[:, at], "int32")
        name = _layer_name(column, taken)
        taken.add(name)
        layer = keras.layers.Dense(units, use_bias=False, kernel_initializer="uniform", name=name)
        parts.append(layer(keras.ops.one_hot(positions, vectors)))
    together = keras.ops.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]
    graph = graph_of(model)
    answers = model(together) if graph is None else called_by_twins(graph, together)
    return keras.Model(source, answers, name=model.name)


def _layer_name(column: str, taken: Collection[str]) -> str:
    """'embedding_city', with letters, digits and _ of the column's name."""
    name = f"embedding_{re.sub(r'[^A-Za-z0-9_]', '_', column)}"
    while name in taken:
        name += "_"
    return name
