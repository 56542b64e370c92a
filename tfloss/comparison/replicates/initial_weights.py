"""The initial weights of hundreds of students.

Building a Keras model takes twenty milliseconds, most of it spent on layers and not on numbers. So
one model is built, it is found out which of Keras' random draws gave each initializer its
seed, and for the other seeds the initializers alone are called. Two models that are built in full
must agree exactly with that, or every model is built.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfloss.lazy import keras, tf
from tfloss.student.keras_internals import sublayers

_DRAWS = 256  # how many seeds are on_evaluation through
_HIGHEST = 10**9  # Keras draws an initializer's seed from 1 to this
_WORTH = 6  # models; fewer are built


def initial_values(build: Callable[[int], Any], seeds: Sequence[int]) -> list[np.ndarray]:
    """The value of each variable of `build(seed)` for every seed, (seeds, …) each.

    Args:
        build: sets Keras' random seed and makes a model.
        seeds: which.
    """
    if len(seeds) > _WORTH:
        replayed = _replayed(build(seeds[0]), seeds)
        if replayed is not None and all(
            _equal([values[place] for values in replayed], build(seeds[place]))
            for place in (1, len(seeds) - 1)
        ):
            return replayed
    rows = [[variable.numpy() for variable in build(seed).variables] for seed in seeds]
    return [np.stack(values) for values in zip(*rows, strict=True)]


def _equal(values: list[np.ndarray], model: Any) -> bool:
    return all(
        np.array_equal(value, variable.numpy())
        for value, variable in zip(values, model.variables, strict=True)
    )


def _replayed(model: Any, seeds: Sequence[int]) -> list[np.ndarray] | None:
    """What the initializers give for every seed; None where a variable's is not found."""
    first = _drawn(seeds[0])
    plans: list[tuple[Any, int | None]] = []
    for variable in model.variables:
        plan = _source(variable, model, first)
        if plan is None:
            return None
        plans.append(plan)
    needed = 1 + max((plan[1] for plan in plans if plan[1] is not None), default=0)
    draws = np.array([_drawn(seed, needed) for seed in seeds], np.uint32)
    given = _given_seed()

    def values(drawn: Any) -> list[Any]:
        made = []
        for variable, plan in zip(model.variables, plans, strict=True):
            initializer, place = plan
            if place is not None:
                given.tensor = tf.stack([drawn[place], tf.constant(0, tf.uint32)])
                initializer.seed = given
            made.append(initializer(variable.shape, dtype=variable.dtype))
        return made

    signature = [tf.TensorSpec(v.shape, v.dtype) for v in model.variables]
    mapped = tf.function(
        lambda drawn: tf.map_fn(values, drawn, fn_output_signature=signature), autograph=False
    )
    return [value.numpy() for value in mapped(tf.constant(draws))]


def _drawn(seed: int, count: int = _DRAWS) -> list[int]:
    """The seeds that Keras gives to initializers, in turn, after `set_random_seed(seed)`."""
    generator = random.Random(seed)
    return [generator.randint(1, _HIGHEST) for _ in range(count)]


def _source(variable: Any, model: Any, draws: list[int]) -> tuple[Any, int | None] | None:
    """A fresh copy of the initializer that made a variable, and the place of its seed's draw."""
    value = variable.numpy()
    for initializer in _initializers(model):
        try:
            same = np.array_equal(initializer(value.shape, dtype=variable.dtype), value)
        except (TypeError, ValueError):
            continue  # an initializer of other shapes
        if same:
            seed = getattr(initializer, "seed", None)
            if seed is None or seed in draws:
                copy = type(initializer).from_config(initializer.get_config())
                return copy, None if seed is None else draws.index(seed)
    return None


def _initializers(model: Any) -> list[Any]:
    found = []
    for layer in [model, *sublayers(model, recursive=True)]:
        for name, value in vars(layer).items():
            if name.endswith("_initializer") and isinstance(value, keras.initializers.Initializer):
                found.append(value)
    return found


def _given_seed() -> Any:
    """Stands where Keras takes a generator of seeds, and gives the tensor that it was told."""

    class Given(keras.random.SeedGenerator):  # type: ignore[name-defined, misc]
        tensor: Any = None

        def next(self, ordered: bool = True) -> Any:
            return self.tensor

    return Given(0)
