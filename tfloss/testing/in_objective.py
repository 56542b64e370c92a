"""A loss in an Objective, as training uses it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from tfloss.formula import Call, Flag, Items, Node, Text, as_node, to_text
from tfloss.lazy import tf
from tfloss.objective import Entry, Objective, Outcome, Scope
from tfloss.registry import Loss, Registry, load_registry
from tfloss.testing.inputs import Inputs
from tfloss.testing.subject import Subject, as_tensors


def bound(subject: Subject, inputs: Inputs, dtype: str = "float32") -> Callable[[Any], Outcome]:
    """From a formula to its outcome on these inputs."""
    tensors = as_tensors(inputs, dtype)
    if "sample_weight" in tensors:  # training always has it in float32
        tensors["sample_weight"] = tf.cast(tensors["sample_weight"], tf.float32)
    tensors = given_to_objective(tensors)
    return lambda formula: objective(subject, formula)(tensors)


def given_to_objective(tensors: Inputs) -> dict[str, Any]:
    """Weights by path, as a student has them."""
    return {n: dict(_by_path(v)) if n == "weights" else v for n, v in tensors.items()}


def objective(subject: Subject, formula: Any, *, seed: int = 0) -> Objective:
    """The objective of a formula in which the loss is the only one."""
    names = [parameter.name for parameter in subject.parameters]
    scope = Scope(
        [
            Entry(name, "checks", known_outside=name != "weights")
            for name in names
            if name != "weights"
        ],
        weights=[path for path, _ in _by_path([None, None])] if "weights" in names else (),
    )
    return Objective(formula, registry_with(subject.loss), scope, seed=seed)


@cache
def _installed() -> Registry:
    return load_registry()


def registry_with(loss: Loss) -> Registry:
    """The installed functions and reductions, and this loss: another's name must not disturb it.

    Raises:
        PluginError: the loss has the name of a function or a reduction.
    """
    installed = _installed()
    kinds = (installed.functions, installed.reductions, installed.schedules)
    registry = Registry(strict=True)
    for kind in kinds:
        registry.add(*kind.values())
    return registry.add(loss)


def as_text(name: str, settings: Mapping[str, Any]) -> str:
    """A loss with settings as a formula writes it.

    Raises:
        TypeError: a setting that a formula cannot hold.
    """
    if not settings:
        return name
    return to_text(Call(name, (), tuple((n, _literal(value)) for n, value in settings.items())))


def _literal(value: Any) -> Node:
    if value is None or isinstance(value, bool):
        return Flag(value)
    if isinstance(value, str):
        return Text(value)
    if isinstance(value, (list, tuple)):
        return Items(tuple(map(_literal, value)))
    return as_node(value)


def _by_path(weights: list[Any]) -> list[tuple[str, Any]]:
    return [(f"layer{number}/kernel", weight) for number, weight in enumerate(weights)]
