"""What a balance does in a step: one weight for each of its members, then the members times it.

A weight is constant within the step: the members' losses and gradients reach the balance without a
gradient of their own, so the total's gradient is the weighted sum of the members' gradients. Only
variables of the balance that are trainable, such as the log-variances of uncertainty weighting,
learn from the total.

On a holdout nothing is weighed again: the weights of the last training step count there, or 1
before the first one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tfloss.errors import PluginError, UsageError
from tfloss.lazy import tf
from tfloss.objective.loss_variables import LATEST, State
from tfloss.objective.plan import BalanceUse
from tfloss.registry import call_plugin
from tfloss.registry.declarations import STATE


class Balanced(NamedTuple):
    """Members after a balance.

    Attributes:
        weights: (m,) float32.
        members: each member times its weight, scalars.
        added: what the balance adds to the total, a scalar; None for most.
    """

    weights: Any
    members: tuple[Any, ...]
    added: Any | None


def balanced(
    use: BalanceUse,
    losses: Sequence[Any],
    *,
    state: State,
    variables: Sequence[Any],
    step: Any,
    steps_per_epoch: float,
    training: bool,
    mean: Callable[[Sequence[Any]], list[Any]] | None = None,
) -> Balanced:
    """Weigh the members of one balance.

    Args:
        use: the balance with its settings.
        losses: scalars, the members with their own coefficients.
        state: the balance's variables.
        variables: the weights by whose gradients members are compared.
        step: float32 scalar, counted from 0.
        steps_per_epoch: tells where an epoch begins.
        training: whether this is a step of the training.
        mean: over the replicas, of tensors; None on one device.

    Raises:
        UsageError: gradients are needed outside of a compiled step.
        PluginError: the balance returns something else than it declares.
    """
    given = {"losses": tf.stop_gradient(tf.stack(list(losses)))}
    asked = use.balance.signature.positional
    if use.balance.needs_gradients:
        # A holdout needs no gradients, and its weights are those of the training.
        given["gramian"] = (
            _gramian(use, losses, variables, mean) if training else tf.eye(len(losses))
        )
    if "step" in asked:
        given["step"] = step
    if "new_epoch" in asked:
        given["new_epoch"] = tf.math.floormod(step, max(steps_per_epoch, 1.0)) < 1.0
    held = {STATE: state} if use.balance.state is not None else {}
    result = call_plugin(
        use.balance, use.text, **{name: given[name] for name in asked}, **held, **use.settings
    )
    weights, added = result if use.balance.adds else (result, None)
    weights = _checked(use, weights, len(losses))
    if not training:
        weights = state[LATEST]
    state.update(LATEST, weights)
    members = tuple(weights[number] * loss for number, loss in enumerate(losses))
    return Balanced(weights, members, added)


def _gramian(
    use: BalanceUse,
    losses: Sequence[Any],
    variables: Sequence[Any],
    mean: Callable[[Sequence[Any]], list[Any]] | None,
) -> Any:
    """(m, m): the inner products of the members' gradients, without the gradients side by side."""
    if tf.executing_eagerly():
        raise UsageError(
            f"'{use.text}' compares gradients, which it can in a compiled step only; leave "
            f"run_eagerly or compile='eager' out."
        )
    rows = [
        [
            tf.zeros_like(variable) if slope is None else tf.convert_to_tensor(slope)
            for slope, variable in zip(tf.gradients(loss, variables), variables, strict=True)
        ]
        for loss in losses
    ]
    if mean is not None:
        flat = mean([slope for row in rows for slope in row])
        width = len(variables)
        rows = [flat[start : start + width] for start in range(0, len(flat), width)]
    products = [
        [
            tf.add_n([_inner(a, b) for a, b in zip(one, other, strict=True)])
            for other in rows[: number + 1]
        ]
        for number, one in enumerate(rows)
    ]
    size = range(len(losses))
    whole = [[products[max(i, j)][min(i, j)] for j in size] for i in size]
    return tf.stop_gradient(tf.stack([tf.stack(row) for row in whole]))


def _inner(one: Any, other: Any) -> Any:
    return tf.reduce_sum(tf.cast(one, tf.float32) * tf.cast(other, tf.float32))


def _checked(use: BalanceUse, weights: Any, members: int) -> Any:
    weights = tf.cast(tf.convert_to_tensor(weights), tf.float32)
    if weights.shape != (members,):
        raise PluginError(
            f"The balance '{use.balance.name}' of {use.balance.distribution or 'unknown'} returned "
            f"weights of shape {weights.shape} for {members} members."
        )
    return weights
