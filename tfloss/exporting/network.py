"""The network that leaves: plain Keras layers around the student, nothing of tfloss."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfloss.data.links import to_units
from tfloss.exporting.encoding_layers import encoded_inside, handed_in_raw
from tfloss.exporting.scaling_layers import scaled_inside
from tfloss.exporting.source import Source
from tfloss.lazy import keras


def network_for(source: Source, *, with_scaler: bool, probs: bool) -> Any:
    """A Keras model with the student inside, float32 in and out.

    Args:
        source: the student.
        with_scaler: features come in as they stand in the data, and are scaled inside.
        probs: a classifier answers with probabilities: (n, 1) for two classes, that of the second.
    """
    if with_scaler and source.encoder is not None:
        inputs, scaled = encoded_inside(source.encoder)
    else:
        inputs = scaled = keras.Input((source.encoded.shape[1],), name="features")
    if with_scaler and source.scaler is not None:
        scaled = scaled_inside(source.scaler, scaled)
    answers = source.model(scaled)
    width = answers.shape[-1]
    activation, name = "linear", "logits" if source.task == "classification" else "prediction"
    activation = {"log": "exponential", "logit": "sigmoid"}.get(source.link, activation)
    if probs and source.task == "classification":
        activation, name = "sigmoid" if width == 1 else "softmax", "probs"
    # In float32 whatever the student computes in.
    answers = keras.layers.Activation(activation, dtype="float32", name=name)(answers)
    network = keras.Model(inputs, answers, name="student")
    network(first_rows(source, with_scaler=with_scaler))  # Keras exports what was called
    return network


def expected(source: Source, *, probs: bool) -> np.ndarray:
    """What tfloss' own path answers for the source's rows: scaled in float64; (n, k) float64."""
    rows = source.scaled.astype(np.float32)
    logits = np.asarray(source.model(rows, training=False), np.float64)
    if not (probs and source.task == "classification"):
        return to_units(logits, source.link)
    from scipy.special import expit, softmax

    return expit(logits) if logits.shape[1] == 1 else softmax(logits, axis=1)


def handed_in(source: Source, *, with_scaler: bool) -> Any:
    """The rows as a user of the exported network hands them in: (n, d) float32, or by name."""
    if with_scaler and source.encoder is not None:
        return handed_in_raw(source.encoder, source.features, source.levels)
    return (source.encoded if with_scaler else source.scaled).astype(np.float32)


def first_rows(source: Source, *, with_scaler: bool) -> Any:
    """One row of `handed_in`."""
    rows = handed_in(source, with_scaler=with_scaler)
    return {k: v[:1] for k, v in rows.items()} if isinstance(rows, dict) else rows[:1]
