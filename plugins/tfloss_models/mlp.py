"""Multi-layer perceptrons, the article's network among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tfloss
from tfloss import keras
from tfloss.errors import first_line


def _layer_names(*hidden: int, **_: Any) -> tuple[str, ...]:
    return tuple(f"hidden{number}" for number, _units in enumerate(hidden, start=1))


@tfloss.model(layers=_layer_names)
def mlp(
    inputs: int,
    outputs: int,
    *hidden: int,
    activation: str = "sigmoid",
    kernel_initializer: Any = "glorot_uniform",
    bias_initializer: Any = "zeros",
    dropout: float = 0.0,
) -> Any:
    """A multi-layer perceptron; `mlp:10,10` has the shape of the article's network.

    inputs: number of features.  outputs: number of logits.  hidden: units of each hidden layer.
    activation: Keras name of the hidden activation.
    kernel_initializer, bias_initializer: Keras initializers, `he_normal` or
    `truncated_normal(stddev=0.2)`: one for all layers, or a list with one for each, the logits'
    layer last.
    dropout: share of hidden units dropped in training.

    Layers are called hidden1, hidden2, … and logits.
    """
    if not all(isinstance(units, int) and units > 0 for units in hidden):
        raise tfloss.UsageError(f"mlp takes whole numbers of units above zero, not {hidden}.")
    kernels = _one_per_layer("kernel_initializer", kernel_initializer, len(hidden) + 1)
    biases = _one_per_layer("bias_initializer", bias_initializer, len(hidden) + 1)

    def dense(number: int, units: int, name: str, activation: str | None = None) -> Any:
        return keras.layers.Dense(
            units,
            activation=activation,
            name=name,
            kernel_initializer=_initializer(kernels[number]),
            bias_initializer=_initializer(biases[number]),
        )

    tensor = source = keras.Input((inputs,), name="inputs")
    for number, units in enumerate(hidden):
        tensor = dense(number, units, f"hidden{number + 1}", activation)(tensor)
        if dropout:
            tensor = keras.layers.Dropout(dropout, name=f"dropout{number + 1}")(tensor)
    logits = dense(len(hidden), outputs, "logits")(tensor)
    return keras.Model(source, logits, name="mlp")


def _one_per_layer(setting: str, given: Any, layers: int) -> Sequence[Any]:
    if not isinstance(given, (list, tuple)):
        return [given] * layers
    if len(given) != layers:
        raise tfloss.UsageError(
            f"mlp has {layers} layers, the logits' among them, but {len(given)} values of "
            f"{setting}; give one for all, or one for each."
        )
    return given


def _initializer(given: Any) -> Any:
    """A new Keras initializer: one that two layers shared would give both the same numbers."""
    if isinstance(given, tfloss.keras.initializers.Initializer):
        return given.clone()
    name, settings = (given, {}) if isinstance(given, str) else (given.name, given.settings)
    try:
        initializer = keras.initializers.get(name)
        return type(initializer)(**settings) if settings else initializer
    except (ValueError, TypeError) as error:
        reason = first_line(error)
        raise tfloss.UsageError(
            f"mlp cannot have the initializer '{name}' with {settings or 'no settings'}: {reason}"
        ) from error


@tfloss.hookimpl
def tfloss_models() -> list[Any]:
    """Register this module's models."""
    return [mlp]
