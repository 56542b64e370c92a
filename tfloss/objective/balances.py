"""What a balance does in a step: one weight for each of its members, then the members times it.

A weight is constant within the step: the members' losses and gradients reach the balance without a
gradient of their own, so the total's gradient is the weighted sum of the members' gradients. Only
variables of the balance that are trainable, such as the log-variances of uncertainty weighting,
learn from the total.

On a holdout nothing is weighed again: the weights of the last training step count there, or 1
before the first one. A constraint's weight follows from its multiplier and the violation, which on
a holdout is that of the holdout.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tfloss.errors import PluginError
from tfloss.lazy import tf
from tfloss.objective.gradients import gramian_of, sizes_of
from tfloss.objective.loss_variables import LATEST, State
from tfloss.objective.plan import BalanceUse
from tfloss.registry import call_plugin
from tfloss.registry.declarations import STATE


class Balanced(NamedTuple):
    """Members after a balance.

    Attributes:
        weights: (m,) float32, constants to the members.
        members: each member times its weight, scalars; a constraint's with what it adds.
        added: what the balance adds to the total, a scalar; None for most.
        logged: scalars, of each name that is logged that of each member.
    """

    weights: Any
    members: tuple[Any, ...]
    added: Any | None
    logged: tuple[Any, ...]


def balanced(
    use: BalanceUse,
    losses: Sequence[Any],
    *,
    state: State,
    gradients: Callable[[], Sequence[Sequence[Any]]],
    traces: Callable[[], Any],
    step: Any,
    steps_per_epoch: float,
    training: bool,
) -> Balanced:
    """Weigh the members of one balance.

    Args:
        use: the balance with its settings.
        losses: scalars, the members with their own coefficients.
        state: the balance's variables.
        gradients: takes the gradients by which members are compared, a row for each.
        traces: estimates the traces of their tangent kernels.
        step: float32 scalar, counted from 0.
        steps_per_epoch: tells where an epoch begins.
        training: whether this is a step of the training.

    Raises:
        UsageError: gradients that cannot be taken; see `compared_gradients`.
        PluginError: the balance returns something else than it declares.
    """
    given = {"losses": tf.stop_gradient(tf.stack(list(losses)))}
    asked = use.balance.signature.positional
    if use.balance.needs_gradients:
        given |= _of_gradients(use, len(losses), gradients, traces, training)
    if "step" in asked:
        given["step"] = step
    if "new_epoch" in asked:
        given["new_epoch"] = tf.math.floormod(step, max(steps_per_epoch, 1.0)) < 1.0
    held = {STATE: state} if use.balance.state is not None else {}
    result = call_plugin(
        use.balance, use.text, **{name: given[name] for name in asked}, **held, **use.settings
    )
    weights, added, logged = _parts(use, result, len(losses))
    if use.balance.is_constraint:
        return Balanced(weights, (weights[0] * losses[0] + added,), None, logged)
    if not training:
        weights = state[LATEST]
    state.update(LATEST, weights)
    members = tuple(weights[number] * loss for number, loss in enumerate(losses))
    return Balanced(weights, members, added, logged or _unstacked(weights))


def _of_gradients(
    use: BalanceUse,
    members: int,
    gradients: Callable[[], Sequence[Sequence[Any]]],
    traces: Callable[[], Any],
    training: bool,
) -> dict[str, Any]:
    """What the balance asks for of the members' gradients, by name."""
    asked = use.balance.signature.positional
    if not training:  # the weights of a holdout are those of the training
        return {
            "gramian": tf.eye(members),
            "largest": tf.ones(members),
            "mean_size": tf.ones(members),
            "traces": tf.ones(members),
        }
    found = {}
    if "traces" in asked:
        found["traces"] = traces()
    if {"gramian", "largest", "mean_size"} & set(asked):
        rows = gradients()
        found["gramian"] = gramian_of(rows)
        found["largest"], found["mean_size"] = sizes_of(rows)
    return found


def _parts(use: BalanceUse, result: Any, members: int) -> tuple[Any, Any, tuple[Any, ...]]:
    """The weights, what is added (or None), and what is logged in place of the weights."""
    balance = use.balance
    weights, added, logged = result, None, {}
    if balance.logs:
        weights, added, logged = result
    elif balance.adds:
        weights, added = result
    weights = _checked(use, weights, members)
    each = [_unstacked(_checked(use, logged[name], members)) for name in balance.logs]
    return weights, added, tuple(value for values in each for value in values)


def _unstacked(values: Any) -> tuple[Any, ...]:
    return tuple(tf.unstack(tf.stop_gradient(values)))


def _checked(use: BalanceUse, weights: Any, members: int) -> Any:
    weights = tf.cast(tf.convert_to_tensor(weights), tf.float32)
    if weights.shape != (members,):
        raise PluginError(
            f"The balance '{use.balance.name}' of {use.balance.distribution or 'unknown'} returned "
            f"weights of shape {weights.shape} for {members} members."
        )
    return weights
