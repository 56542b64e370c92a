"""The gradients by which the members of a balance are compared: by weights or a layer's output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tfloss.errors import UsageError, listed
from tfloss.lazy import tf
from tfloss.objective.gradients import gradients_of, refuse_uncompiled
from tfloss.objective.plan import BalanceUse, TensorUse
from tfloss.objective.scope import Scope

Rows = list[list[Any]]


class Averaging(Protocol):
    """What is asked of the other replicas of a step."""

    def mean(self, tensors: Sequence[Any]) -> list[Any]: ...


def compared_gradients(
    use: BalanceUse,
    members: Mapping[str, Any],
    tensors: Mapping[str, Any],
    scope: Scope,
    replicas: Averaging | None,
) -> Rows:
    """A row for each member: its gradient by each weight, or by the one output that `by=` names.

    Args:
        use: the balance.
        members: scalars of the step that is being compiled, by the names of their terms.
        tensors: by name, of the step; `weights` maps paths to variables.
        scope: to match patterns of weights.
        replicas: where the step is spread over devices.

    Raises:
        UsageError: the step is not compiled; an output through which not all that the members share
            is reached.
    """
    losses, what = list(members.values()), f"'{use.text}' compares gradients"
    if isinstance(use.by, TensorUse):
        if replicas is not None:
            raise UsageError(
                f"'{use.text}' compares gradients by a layer's output, whose rows are on several "
                f"devices; name weights with by=, or train on one device."
            )
        refuse_uncompiled(what)
        return _by_output(use, members, tensors[use.by.name], tensors["weights"])
    paths = () if use.by is None else scope.matching_weights(use.by.pattern)
    rows = gradients_of(losses, weights_of(tensors, paths), what)
    if replicas is None:
        return rows
    flat = replicas.mean([slope for row in rows for slope in row])
    width = len(rows[0])
    return [flat[start : start + width] for start in range(0, len(flat), width)]


def weights_of(tensors: Mapping[str, Any], paths: Sequence[str] = ()) -> list[Any]:
    """The weights of these paths, or all, as tensors that gradients are taken by."""
    weights = tensors["weights"]
    return [_tensor(weights[path]) for path in paths or weights]


def _tensor(variable: Any) -> Any:
    return getattr(variable, "value", variable)


def _by_output(
    use: BalanceUse, members: Mapping[str, Any], output: Any, weights: Mapping[str, Any]
) -> Rows:
    """The gradients by an output, where weights that members share act through it alone."""
    assert isinstance(use.by, TensorUse)
    by, own = f"by={use.by.name}.output", [_tensor(one) for one in weights.values()]
    slopes = tf.gradients(output, own)
    before = {path for path, one in zip(weights, slopes, strict=True) if one is not None}
    rows: Rows = []
    past: dict[str, list[str]] = {}
    for name, loss in members.items():
        # With the output held constant: what still has a gradient is reached some other way.
        # None of it is computed, since nothing asks for its values.
        slope, *others = tf.gradients(loss, [output, *own], stop_gradients=[output])
        if slope is None:
            raise UsageError(
                f"In '{use.text}': '{name}' does not depend on the output of '{use.by.name}', so "
                f"{by} says nothing about it; put it outside of the balance, or name weights."
            )
        rows.append([tf.convert_to_tensor(slope)])
        for path, other in zip(weights, others, strict=True):
            if other is not None:
                past.setdefault(path, []).append(name)
    shared = [path for path, names in past.items() if len(names) > 1 or path in before]
    if shared:
        raise UsageError(
            f"In '{use.text}': the weight '{shared[0]}' acts on {listed(past[shared[0]])} past "
            f"the output of '{use.by.name}' as well, so {by} does not tell how the terms pull at "
            f"it; name weights with by=, or leave it out."
        )
    return rows
