"""Find the logits of a model that may end in an activation."""

from __future__ import annotations

from typing import Any

from tfloss.errors import UsageError
from tfloss.lazy import keras
from tfloss.student.keras_internals import never_called

_PROBABILITIES = ("sigmoid", "softmax")


def expose_logits(model: Any) -> tuple[Any, str]:
    """A model that shares the layers of `model` and returns logits, and a note.

    Raises:
        UsageError: the model is not built, has several outputs, or ends in probabilities in a way
            that cannot be undone.
    """
    if not model.built:
        raise UsageError(
            f"The model '{model.name}' has no weights yet; give its first layer an input shape, or "
            f"call it once on data."
        )
    outputs = getattr(model, "outputs", None)
    if outputs is None or not model.layers:
        return model, ""  # a subclassed model: its output is taken as logits
    if len(outputs) != 1:
        raise UsageError(
            f"The model '{model.name}' has {len(outputs)} outputs; a student has one, its logits."
        )
    last = model.layers[-1]
    if isinstance(last, keras.layers.Softmax) or _is_probability_layer(last):
        logits = keras.Model(source_of(model), last.input, name=f"{model.name}_logits")
        return logits, f"logits are taken from before the last layer, '{last.name}'"
    activation = getattr(getattr(last, "activation", None), "__name__", "")
    if activation in _PROBABILITIES:
        return _without_activation(model, last), (
            f"the {activation} of the last layer, '{last.name}', is left out: the student returns "
            f"logits"
        )
    return keras.Model(source_of(model), outputs[0], name=model.name), ""


def source_of(model: Any) -> Any:
    """The input of a model as it is called: a tensor, or a list where there are several."""
    return model.inputs[0] if len(model.inputs) == 1 else model.inputs


def _is_probability_layer(layer: Any) -> bool:
    activation = getattr(getattr(layer, "activation", None), "__name__", "")
    return isinstance(layer, keras.layers.Activation) and activation in _PROBABILITIES


def _without_activation(model: Any, last: Any) -> Any:
    """The same model with a twin of the last layer, which has its weights but no activation."""
    return keras.Model(source_of(model), linear_twin(last)(last.input), name=model.name)


def linear_twin(layer: Any) -> Any:
    """A layer with the same variables and no activation; the layer itself is the user's."""
    return never_called(layer, activation=keras.activations.linear)
