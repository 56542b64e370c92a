"""An encoder as plain Keras: features in as they stand in the data, numbers without gaps out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfloss.data import Encoder
from tfloss.data.categories import MISSING, Category, Embedded
from tfloss.lazy import keras, tf


def encoded_inside(encoder: Encoder) -> tuple[Any, Any]:
    """The inputs of a network, and the encoded tensor (n, m) that they become.

    Of numbers only, one input (n, d) 'features', NaN where a value is missing. With text, an input
    (n, 1) for each feature, by its name: float32, or text, '' where it is missing.
    """
    if not encoder.texts:
        inputs = keras.Input((len(encoder.names),), name="features")
        columns = {name: inputs[:, at : at + 1] for at, name in enumerate(encoder.names)}
    else:
        inputs = {
            safe: keras.Input(
                (1,), name=safe, dtype="string" if name in encoder.texts else "float32"
            )
            for name, safe in input_names(encoder).items()
        }
        columns = {name: inputs[safe] for name, safe in input_names(encoder).items()}
    gaps = {name: keras.ops.not_equal(columns[name], columns[name]) for name in encoder.fill}
    parts = [
        keras.ops.where(gaps[name], np.float32(fill), columns[name])
        for name, fill in encoder.fill.items()
    ]
    parts += [keras.ops.cast(gaps[name], "float32") for name in encoder.gaps]
    parts += [_spread(columns[name], one) for name, one in encoder.categories.items()]
    parts += [_positions(columns[name], one) for name, one in encoder.embedded.items()]
    return inputs, parts[0] if len(parts) == 1 else keras.ops.concatenate(parts, axis=1)


def input_names(encoder: Encoder) -> dict[str, str]:
    """What the inputs of a network with text are called: letters, digits and _ of each name."""
    found: dict[str, str] = {}
    for name in encoder.names:
        safe = re.sub(r"\W", "_", name, flags=re.ASCII)
        safe = safe if safe[:1].isalpha() else f"x_{safe}"
        found[name] = safe if safe not in found.values() else f"{safe}_{len(found)}"
    return found


def handed_in_raw(encoder: Encoder, features: np.ndarray, levels: Any) -> Any:
    """Rows (n, d) of the encoder's features as the network's inputs."""
    if not encoder.texts:
        return features.astype(np.float32)
    rows = {}
    for at, (name, safe) in enumerate(input_names(encoder).items()):
        column = features[:, at : at + 1]
        if name in encoder.texts:
            texts = np.array([*levels[name], ""], dtype=object)
            places = np.where(np.isnan(column), len(texts) - 1, column).astype(np.int64)
            rows[safe] = tf.constant(texts[places].tolist(), tf.string)
        else:
            rows[safe] = tf.constant(column, tf.float32)
    return rows


def _spread(texts: Any, category: Category) -> Any:
    """(n, levels) or (n, levels + 1) float32; the layer has what it does not know in front."""
    known = _known(category.levels)
    lookup = keras.layers.StringLookup(
        vocabulary=known, num_oov_indices=1, output_mode="one_hot", dtype="float32"
    )
    spread = lookup(texts)
    if not category.rare:
        return spread[:, 1:]
    return keras.ops.concatenate([spread[:, 1:], spread[:, :1]], axis=1)


def _positions(texts: Any, one: Embedded) -> Any:
    """(n, 1) float32: from 1 on; 0 for a text without a vector of its own."""
    lookup = keras.layers.StringLookup(
        vocabulary=_known(one.levels), num_oov_indices=1, output_mode="int"
    )
    return keras.ops.cast(lookup(texts), "float32")


def _known(levels: Sequence[str]) -> list[str]:
    return ["" if level == MISSING else level for level in levels]
