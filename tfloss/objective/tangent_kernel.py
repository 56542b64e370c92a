"""The traces of the tangent kernels of a balance's members, from one backward pass for each.

A member is the mean of its rows' losses, a sum of squares: of the root of what each row adds to it.
These roots are its residuals, and the trace of their kernel is the sum over the rows of the squared
length of each residual's gradient. Rows by themselves would need a backward pass each. Hutchinson's
estimator needs one: with a random sign for each residual, the squared length of the gradient of
their signed sum has that trace as its mean, since the products of different rows cancel.

Source: Wang, Yu and Perdikaris 2022, "When and why PINNs fail to train: a neural tangent kernel
perspective"; Hutchinson 1990, "A stochastic estimator of the trace of the influence matrix".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tfloss.lazy import tf
from tfloss.objective.plan import BalanceUse, Term
from tfloss.objective.scope import Shape
from tfloss.objective.value_ranges import is_per_example

_KEY = 0x2E71  # of the signs; the other half of the key is the step


def traces_of(
    losses: Sequence[Any], rows: Sequence[Any], variables: Sequence[Any], step: Any
) -> Any:
    """An unbiased estimate of each member's trace, (m,) float32, from signs that the step draws.

    Args:
        losses: scalars of the step that is being compiled.
        rows: (batch,) each, the values that a loss is the mean of.
        variables: the weights.
        step: counted from 0.
    """
    key = tf.stack([tf.constant(_KEY, tf.int32), tf.cast(step, tf.int32)])
    draw = tf.random.stateless_uniform(tf.shape(rows[0]), key, alg="philox")
    return signed_traces(losses, rows, variables, tf.where(draw < 0.5, -1.0, 1.0))


def signed_traces(
    losses: Sequence[Any], rows: Sequence[Any], variables: Sequence[Any], signs: Any
) -> Any:
    """The squared length of the gradient of each member's residuals under these signs, (m,).

    NaN for a member without residuals: its rows are missing in this batch, or fit exactly.
    """
    found = []
    for loss, row in zip(losses, rows, strict=True):
        residuals = _residuals(loss, row)
        length = _squared_length(tf.gradients(tf.reduce_sum(signs * residuals), variables))
        # 0 is an estimate, of rows whose signs cancel.
        found.append(tf.where(tf.reduce_any(residuals > 0), length, float("nan")))
    return tf.stack(found)


def _residuals(loss: Any, row: Any) -> Any:
    """(batch,), whose squares add up to the loss; 0 for a row that adds nothing."""
    share = tf.stop_gradient(tf.gradients(loss, row)[0])  # coefficient, sample weight and 1/rows
    part = share * row
    counts = part > 0
    return tf.where(counts, tf.sqrt(tf.where(counts, part, 1.0)), 0.0)


def _squared_length(slopes: Iterable[Any]) -> Any:
    squares = [
        tf.reduce_sum(tf.square(tf.cast(tf.convert_to_tensor(slope), tf.float32)))
        for slope in slopes
        if slope is not None
    ]
    return tf.stop_gradient(tf.add_n(squares) if squares else tf.constant(0.0))


def refusal_of_member(
    use: BalanceUse, member: Term, shape_of: Callable[[Any], Shape | None]
) -> str | None:
    """The sentence that refuses a member that is no sum of one square for each row; or None.

    Args:
        use: the balance.
        member: its term.
        shape_of: what is known of the shape of an expression of tensors.
    """
    needs = f"'{use.balance.name}' takes the root of each row's loss for its residual"
    if not is_per_example(member.body):
        return f"{needs}, and '{member.name}' is one number for all rows; put it outside."
    for loss in member.losses:
        for tensor in loss.tensors.values():
            shape = shape_of(tensor)
            columns = next((n for n in (shape or ())[1:] if n not in (None, 1)), None)
            if columns is not None:
                return (
                    f"{needs}, and '{loss.text}' compares {columns} columns; write a term for each."
                )
    return None
