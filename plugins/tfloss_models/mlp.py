"""Multi-layer perceptrons, the article's network among them."""

from __future__ import annotations

from typing import Any

import tfloss
from tfloss import keras


def _layer_names(*hidden: int, **_: Any) -> tuple[str, ...]:
    return tuple(f"hidden{number}" for number, _units in enumerate(hidden, start=1))


@tfloss.model(layers=_layer_names)
def mlp(
    inputs: int,
    outputs: int,
    *hidden: int,
    activation: str = "sigmoid",
    init: str = "glorot",
    dropout: float = 0.0,
) -> Any:
    """A multi-layer perceptron; `mlp:10,10` is the article's network.

    inputs: number of features.  outputs: number of logits.  hidden: units of each hidden layer.
    activation: Keras name of the hidden activation.
    init: 'glorot' (Keras' default: Glorot uniform kernels, zero biases) or 'article' (kernels and
    biases from the standard normal distribution, as networks written out by hand in TensorFlow 1
    started).
    dropout: share of hidden units dropped in training.

    Layers are called hidden1, hidden2, … and logits.
    """
    initializers = _initializers(init)
    if not all(isinstance(units, int) and units > 0 for units in hidden):
        raise ValueError(f"mlp takes whole numbers of units above zero, not {hidden}.")
    tensor = source = keras.Input((inputs,), name="inputs")
    for number, units in enumerate(hidden, start=1):
        layer = keras.layers.Dense(
            units, activation=activation, name=f"hidden{number}", **initializers
        )
        tensor = layer(tensor)
        if dropout:
            tensor = keras.layers.Dropout(dropout, name=f"dropout{number}")(tensor)
    logits = keras.layers.Dense(outputs, name="logits", **initializers)(tensor)
    return keras.Model(source, logits, name="mlp")


def _initializers(init: str) -> dict[str, str]:
    if init == "glorot":
        return {}
    if init == "article":
        normal = {"class_name": "RandomNormal", "config": {"mean": 0.0, "stddev": 1.0}}
        return {"kernel_initializer": normal, "bias_initializer": normal}  # type: ignore[dict-item]
    raise ValueError(f"mlp knows init=glorot and init=article, not '{init}'.")


@tfloss.hookimpl
def tfloss_models() -> list[Any]:
    """Register this module's models."""
    return [mlp]
