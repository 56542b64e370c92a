"""A scaler as plain Keras: constants and operations that every format of export knows."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfloss.data import Scaler
from tfloss.data.scaling import AffineScaler, LeadingScaler, PowerScaler, QuantileScaler
from tfloss.lazy import keras

_NO_POWER = 1e-7  # below it the power's limit, a logarithm, is closer in float32


def scaled_inside(scaler: Scaler, tensor: Any) -> Any:
    """The tensor (n, d) float32, scaled as `scaler.transform` does it."""
    if isinstance(scaler, LeadingScaler):
        count = scaler.first.n_features
        first = scaled_inside(scaler.first, tensor[:, :count])
        return keras.ops.concatenate([first, tensor[:, count:]], axis=1)
    if isinstance(scaler, QuantileScaler):
        return _quantile(scaler, tensor)
    if isinstance(scaler, PowerScaler):
        return _affine(scaler, _power(scaler.lambdas, tensor))
    assert isinstance(scaler, AffineScaler)
    return _affine(scaler, tensor)


def _affine(scaler: AffineScaler | PowerScaler, tensor: Any) -> Any:
    """Subtract, then divide: in one step `x/s - m/s` would lose digits where m is much above s.

    Not a Normalization layer, whose constants Keras' ONNX export turns into inputs.
    """
    shift, factor = (-scaler.center).tolist(), (1 / scaler.scale).tolist()
    tensor = keras.layers.Rescaling(1.0, shift, dtype="float32", name="subtract_center")(tensor)
    return keras.layers.Rescaling(factor, 0.0, dtype="float32", name="divide_by_scale")(tensor)


def _power(lambdas: np.ndarray, tensor: Any) -> Any:
    """The Yeo-Johnson transform: one power above 0, another below, both 0 at 0."""
    above = _grown(lambdas, keras.ops.relu(tensor))
    below = _grown(2 - lambdas, keras.ops.relu(-tensor))
    return above - below


def _grown(power: np.ndarray, value: Any) -> Any:
    """((1 + value)**power - 1) / power, a logarithm where the power is 0; value at least 0."""
    flat = np.abs(power) < _NO_POWER
    safe = np.where(flat, 1.0, power)
    logarithm = _log1p(value)
    curved = _expm1(logarithm * _constant(safe)) * _constant(~flat / safe)
    return curved + logarithm * _constant(flat)


# ONNX and LiteRT have neither log1p nor expm1, and log(1 + x) is 0 for a small x in float32.


def _log1p(value: Any) -> Any:
    """log(1 + value) for a value of at least 0."""
    near = keras.ops.minimum(value, 1.0)
    ratio = near / (near + 2.0)  # log(1 + x) = 2 artanh(x/(2 + x)), and artanh as its series
    square, series = keras.ops.square(ratio), 0.0
    for odd in range(15, 0, -2):  # 9**-8 / 17 is below float32
        series = series * square + 1.0 / odd
    small = 2.0 * ratio * series
    return keras.ops.where(value < 1.0, small, keras.ops.log(value + 1.0))


def _expm1(value: Any) -> Any:
    return keras.ops.tanh(value * 0.5) * (keras.ops.exp(value) + 1.0)


def _quantile(scaler: QuantileScaler, tensor: Any) -> Any:
    """Each interval between two quantiles adds its share, as far as the value has come in it.

    An interval of no width is a step. On the step itself scikit-learn answers with the middle, but
    with 0 at the smallest value and with 1 at the largest.
    """
    points = scaler.quantiles.astype(np.float32).T  # what float32 cannot tell apart is a step
    left, width = points[:, :-1], np.diff(points, axis=1)
    if not width.shape[1]:
        return tensor * 0.0
    step = width == 0
    on_it = np.where(left == points[:, :1], -0.5, np.where(left == points[:, -1:], 0.5, 0.0))
    come = keras.ops.expand_dims(tensor, -1) - _constant(left)
    slope = np.divide(1.0, width, out=np.zeros_like(width), where=~step)
    share = keras.ops.clip(come * _constant(slope), 0.0, 1.0)
    if step.any():
        side = keras.ops.sign(come)
        whole = side * 0.5 + 0.5 + (1.0 - keras.ops.abs(side)) * _constant(on_it)
        share = share + whole * _constant(step)
    return keras.ops.sum(share, axis=-1) * (1.0 / width.shape[1])


def _constant(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, np.float32)[None]
