"""Functions of whole rows, inside a loss's arguments."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import AtLeast


@tfloss.function(on="tensors", latex=r"\mathrm{{softmax}}\left({0}\right)")
def softmax(x: Any) -> Any:
    """Rows of logits, (batch, C), to probabilities that add up to one."""
    return tf.nn.softmax(x)


@tfloss.function(on="tensors", latex=r"\log\mathrm{{softmax}}\left({0}\right)")
def log_softmax(x: Any) -> Any:
    """Rows of logits, (batch, C), to log-probabilities; finite where softmax is zero."""
    return tf.nn.log_softmax(x)


@tfloss.function(on="tensors", latex=r"\sigma\left({0}\right)")
def sigmoid(x: Any) -> Any:
    """Logits to probabilities, element by element."""
    return tf.math.sigmoid(x)


@tfloss.function(on="tensors", latex=r"\mathrm{{vec}}\left({0}\right)")
def flatten(x: Any) -> Any:
    """(batch, …) to (batch, features); (batch,) to (batch, 1)."""
    shape = x.shape[1:]
    if shape.is_fully_defined():  # keeps the number of columns known to the loss
        return tf.reshape(x, [-1, shape.num_elements()])
    return tf.reshape(x, [tf.shape(x)[0], -1])


@tfloss.function(on="tensors", latex=r"\frac{{{0}}}{{\left\Vert{0}\right\Vert}}")
def normalize(x: Any) -> Any:
    """Rows, (batch, k), to length one; a row shorter than 1e-6 becomes zero, with gradient zero."""
    square = tf.reduce_sum(tf.square(x), axis=-1, keepdims=True)
    scaled = x * tf.math.rsqrt(tf.maximum(square, 1e-12))
    # Asked this way round, as every comparison with NaN is false: it must stay NaN.
    return tf.where(square <= 1e-12, tf.zeros_like(scaled), scaled)


@tfloss.function(on="tensors", latex=r"\left[{0}\right]")
def concat(*tensors: Any) -> Any:
    """Tensors side by side, along the last axis; all other axes are of the same length."""
    if not tensors:
        raise ValueError("'concat' needs at least one tensor.")
    return tf.concat(list(tensors), axis=-1)


@tfloss.function(on="tensors", latex=r"{0}_{{{index}}}")
def column(x: Any, *, index: int = 0) -> Any:
    """One column of the last axis: column(grad(prediction, inputs), index=1).

    x: (batch, …, k).  index: from 0; below 0 from the end.
    Returns (batch, …, 1).

    Raises:
        ValueError: x has no such column.
    """
    width = x.shape[-1]
    if width is not None and not -width <= index < width:
        raise ValueError(f"'column' was asked for {index}, and there are {width} columns.")
    chosen = x[..., index]
    return tf.expand_dims(chosen, -1)


@tfloss.function(on="tensors", name="slice", latex=r"{0}_{{a:b}}")
def columns_from_to(x: Any, *, start: int = 0, stop: int | None = None) -> Any:
    """Some columns of the last axis, next to each other: slice(hidden2, start=4, stop=8).

    x: (batch, …, k).  start, stop: from 0, as in Python; below 0 from the end; no stop: to the end.
    Returns (batch, …, as many as there are).

    Raises:
        ValueError: no column is left, or there are not so many.
    """
    width = x.shape[-1]
    if width is not None:
        first, last, _ = slice(start, stop).indices(width)
        beyond = any(end is not None and not -width <= end <= width for end in (start, stop))
        if beyond or last <= first:
            end = "the end" if stop is None else stop
            raise ValueError(
                f"'slice' from {start} to {end} is empty or not within {width} columns."
            )
    return x[..., start:stop]


@tfloss.function(on="tensors", latex=r"\mathrm{{increasing}}\left({0}\right)")
def increasing(x: Any, *, columns: Annotated[int, AtLeast(2)] | None = None) -> Any:
    """Columns that rise: the first as it is, each other one the one before plus its softplus.

    quantile(prediction=increasing(prediction), levels=[0.1, 0.5, 0.9]) has quantiles that never
    cross. What the model itself predicts stays as it was: build the same into it, as docs/keras.md
    does, where its predictions are to be used.

    x: (batch, …, k).  Returns the same shape.

    columns: how many columns belong together, where there are several targets; default: all.

    Source: Gasthaus et al. 2019, "Probabilistic forecasting with spline quantile function RNNs",
    for increments that are positive.
    """
    width = x.shape[-1]
    size = columns or width
    if width is None or width % size:
        raise ValueError(f"'increasing' cannot take {width} columns {size} by {size}.")
    groups = tf.reshape(x, tf.concat([tf.shape(x)[:-1], [width // size, size]], 0))
    steps = tf.concat([groups[..., :1], tf.nn.softplus(groups[..., 1:])], axis=-1)
    return tf.reshape(tf.cumsum(steps, axis=-1), tf.shape(x))


@tfloss.function(on="tensors", latex=r"\nabla_{{{1}}}\,{0}")
def grad(y: Any, x: Any) -> Any:
    """Gradient of the sum of y's columns with respect to x, to teach slopes: grad(probs, inputs).

    y: (batch, …).  x: (batch, …), a tensor that y is computed from.
    Returns the shape of x. Row i is the gradient of example i, as long as the student treats the
    examples independently (batch normalisation, for one, does not).

    Raises:
        ValueError: y does not depend on x, or this runs outside a compiled function.
    """
    return _gradient("grad", y, x)


@tfloss.function(on="tensors", latex=r"J_{{{1}}}\,{0}")
def jacobian(y: Any, x: Any) -> Any:
    """Gradients of each of y's columns with respect to x; as many backward passes as columns.

    y: (batch, k), k known.  x: (batch, …), a tensor that y is computed from.
    Returns (batch, k, …), under the condition that `grad` has.

    Raises:
        ValueError: y has another shape, does not depend on x, or this runs outside a compiled
            function.
    """
    if y.shape.rank != 2 or y.shape[-1] is None:
        raise ValueError(f"'jacobian' needs a tensor of (batch, k) and got one of shape {y.shape}.")
    columns = [_gradient("jacobian", y[:, column], x) for column in range(y.shape[-1])]
    return tf.stack(columns, axis=1)


def _gradient(name: str, y: Any, x: Any) -> Any:
    if tf.executing_eagerly():
        raise ValueError(f"'{name}' works inside a compiled step only; call it within tf.function.")
    (gradient,) = tf.gradients(y, x)
    if gradient is None:
        raise ValueError(f"'{name}' found that its first tensor does not depend on its second.")
    return tf.convert_to_tensor(gradient)


@tfloss.hookimpl
def tfloss_functions() -> list[Any]:
    """Register this module's functions."""
    return [
        softmax,
        log_softmax,
        sigmoid,
        flatten,
        normalize,
        concat,
        column,
        columns_from_to,
        increasing,
        grad,
        jacobian,
    ]
