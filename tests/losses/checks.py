"""What every loss is checked for, whatever it computes.

A family's test module makes its cases with `cases`, hands them to `assert_finite_and_equal_modes`,
`assert_derivative` and `assert_refuses_other_shapes`, and adds its own oracles.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy import special

from tfloss import tf
from tfloss.objective.loss_variables import State
from tfloss.registry import Loss

SPECIAL_LOGITS = (0.0, 1.0, -1.0, 1e4, -1e4)


@dataclass(frozen=True, eq=False)
class Case:
    """A loss with tensors to call it on."""

    loss: Loss
    label: str
    tensors: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.loss.name}-{self.label}"


def moderate(columns: int, rows: int = 5, seed: int = 0) -> dict[str, np.ndarray]:
    """Tensors away from every kink, limit and floor."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(rows, columns))
    if columns == 1:
        labels = (np.arange(rows) % 2)[:, None]
        teacher = special.expit(rng.normal(size=(rows, 1)))
        probs = special.expit(logits)
    else:
        labels = np.eye(columns)[np.arange(rows) % columns]
        teacher = special.softmax(rng.normal(size=(rows, columns)), axis=-1)
        probs = special.softmax(logits, axis=-1)
    return {
        "labels": labels.astype(float),
        "logits": logits,
        "probs": probs,
        "prediction": logits,
        "teacher": teacher,
        "sample_weight": rng.uniform(0.5, 2, size=rows),
        "weights": [logits, teacher[0]],
    }


def extreme(columns: int) -> dict[str, np.ndarray]:
    """Every special logit with every certain and uncertain target, after the moderate rows."""
    if columns == 1:
        rows = np.array(SPECIAL_LOGITS)[:, None]
        targets = np.array([[0.0], [1.0], [0.5]])
    else:
        big = np.linspace(1, -1, columns)
        rows = np.stack([0 * big, big, -big, 1e4 * big, -1e4 * big, 1e4 + 0 * big])
        targets = np.stack([np.eye(columns)[0], np.eye(columns)[1], big * 0 + 1 / columns])
    ordinary = moderate(columns)
    logits = np.concatenate([ordinary["logits"], np.repeat(rows, len(targets), axis=0)])
    special_targets = np.tile(targets, (len(rows), 1))
    target = np.concatenate([ordinary["teacher"], special_targets])
    labels = np.concatenate([ordinary["labels"], special_targets])
    probs = special.expit(logits) if columns == 1 else special.softmax(logits, axis=-1)
    return {
        "labels": labels,
        "logits": logits,
        "probs": probs,
        "prediction": logits,
        "teacher": target,
        "sample_weight": np.ones(len(logits)),
        "weights": [logits, target[0]],
    }


def case(loss: Loss, label: str, data: dict[str, Any], **settings: Any) -> Case:
    """Bind the loss's tensors by name, as a formula would; `state` is what the loss holds."""
    names = [name for name in (*loss.signature.positional, "state") if name in data]
    return Case(loss, label, {name: data[name] for name in names}, settings)


def cases(*losses: Loss, columns: tuple[int, ...] = (1, 3), **settings: Any) -> list[Case]:
    """A moderate and an extreme case of each loss for each number of columns."""
    return [
        case(loss, f"{label}-{count}", data(count), **settings)
        for loss in losses
        for count in columns
        for label, data in (("moderate", moderate), ("extreme", extreme))
    ]


def tensors_of(chosen: Case, dtype: str = "float32") -> dict[str, Any]:
    return {
        name: tf.nest.map_structure(lambda array: tf.constant(array, dtype), value)
        for name, value in chosen.tensors.items()
    }


def value(chosen: Case, dtype: str = "float64") -> np.ndarray:
    """The loss's value, in float64 unless said."""
    return _call(chosen, tensors_of(chosen, dtype)).numpy()


def _call(chosen: Case, tensors: dict[str, Any]) -> Any:
    """The loss on these tensors; what it holds comes as an objective hands it over."""
    if "state" in tensors:
        held = tensors["state"]
        dtype = next(iter(held.values())).dtype
        tensors = tensors | {"state": State(held, dtype=dtype)}
    return chosen.loss(**tensors, **chosen.settings)


def of(loss: Loss, data: dict[str, Any], **settings: Any) -> np.ndarray:
    """The loss's value in float64 on data by name."""
    return value(case(loss, "", data, **settings))


def _with_gradients(chosen: Case, tensors: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        values = _call(chosen, tensors)
        total = tf.reduce_sum(values)
    return values, tape.gradient(total, tensors, unconnected_gradients="zero")


@cache
def _compiled(family: tuple[Case, ...]) -> dict[str, dict[Case, Any]]:
    """Values and gradients, in one graph and in one XLA program: compiling once is cheap.

    Moderate cases are left out, as the extreme ones hold their rows too.
    """
    chosen = [one for one in family if "moderate" not in one.label]

    def everything(tensors: list[dict[str, Any]]) -> list[Any]:
        return [_with_gradients(one, given) for one, given in zip(chosen, tensors, strict=True)]

    given = [tensors_of(one) for one in chosen]
    return {
        mode: dict(zip(chosen, tf.function(everything, jit_compile=xla)(given), strict=True))
        for mode, xla in (("graph", False), ("xla", True))
    }


def assert_finite_and_equal_modes(
    family: tuple[Case, ...], chosen: Case, digits: float = 5
) -> None:
    """float32 values of the declared shape and range; finite; eager, graph and XLA agree.

    Args:
        family: all cases of the module, which are compiled together.
        chosen: one of them.
        digits: of the largest result, to which the three agree.
    """
    eager = _with_gradients(chosen, tensors_of(chosen))
    results = {"eager": eager} | {
        mode: found[chosen] for mode, found in _compiled(family).items() if chosen in found
    }
    values = eager[0].numpy()
    rows = len(tf.nest.flatten(chosen.tensors)[0])
    assert values.dtype == np.float32
    assert values.shape == ((rows,) if chosen.loss.per == "example" else ())
    low, high = chosen.loss.range
    assert low is None or np.all(values >= low - 1e-6)
    assert high is None or np.all(values <= high * (1 + 1e-6) + 1e-6)
    # float32 keeps seven digits of the largest intermediate result, told by the largest final one.
    tolerance = 10**-digits * max(1.0, *(np.max(np.abs(found)) for found in tf.nest.flatten(eager)))
    for mode, result in results.items():
        for ours, reference in zip(tf.nest.flatten(result), tf.nest.flatten(eager), strict=True):
            assert np.all(np.isfinite(ours)), f"{mode}: {ours}"
            np.testing.assert_allclose(ours, reference, rtol=5e-5, atol=tolerance, err_msg=mode)


def assert_derivative(chosen: Case, step: float = 1e-6, fixed: tuple[str, ...] = ()) -> None:
    """The gradients with respect to every tensor equal central differences in float64.

    Args:
        chosen: the loss and its tensors.
        step: of the differences.
        fixed: tensors that are no numbers but names of things, such as class numbers.
    """
    tensors = tensors_of(chosen, "float64")
    _, gradients = _with_gradients(chosen, tensors)
    flat = tf.nest.flatten(tensors)
    names = [name for name in sorted(tensors) for _ in tf.nest.flatten(tensors[name])]
    for position, gradient in enumerate(tf.nest.flatten(gradients)):
        if names[position] in fixed:
            continue
        numeric = np.zeros(gradient.shape)
        for index in np.ndindex(*gradient.shape):
            sides = []
            for sign in (1, -1):
                moved = [tensor.numpy() for tensor in flat]
                moved[position][index] += sign * step
                packed = tf.nest.pack_sequence_as(tensors, [tf.constant(m) for m in moved])
                sides.append(np.sum(_call(chosen, packed)))
            numeric[index] = (sides[0] - sides[1]) / (2 * step)
        np.testing.assert_allclose(gradient, numeric, rtol=1e-5, atol=1e-7)


def assert_refuses_other_shapes(loss: Loss, columns: tuple[int, int] = (1, 2)) -> None:
    """A first tensor of one number of columns and a second of another are not broadcast."""
    one, other = (moderate(count) for count in columns)
    first, *others = loss.signature.required
    for given in (
        {first: one[first]} | {name: other[name] for name in others},
        {first: other[first]} | {name: one[name] for name in others},
    ):
        with pytest.raises(ValueError, match=r"shape|column"):
            loss(**{name: tf.constant(array, tf.float32) for name, array in given.items()})
