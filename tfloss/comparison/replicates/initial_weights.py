"""The initial weights of many seeds, without building a model for each.

Building a Keras model takes thirty milliseconds, drawing its weights one. So one model is built and
looked at meanwhile: which initializer made which variable, with which seed. Keras draws the seeds
of initializers from Python's generator, which `seeded` sets; the same initializers are called again
with the seeds that another start of that generator gives. A model that is made otherwise is built
for each seed: the answer for the last seed is compared with a model that is.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any

import numpy as np

from tfloss.data import PreparedData
from tfloss.lazy import keras
from tfloss.registry import Registry
from tfloss.student import Student
from tfloss.student.build import built_model, generators_kept
from tfloss.training.config import Config
from tfloss.training.target_units import units_of, units_places

_WORTH_IT = 4  # seeds; for fewer, each model is built


def initial_weights(
    template: Student, config: Config, data: PreparedData, seeds: Sequence[int], registry: Registry
) -> list[np.ndarray]:
    """The initial value of each of the student's variables for every seed, (seeds, …) each.

    Args:
        template: a student of the same configuration; says which variables and in which order.
        config: of the training.
        data: says how many features and outputs there are.
        seeds: whose weights are wanted.
        registry: where the model is looked up.
    """
    variables = template.forward_model.variables
    at = {id(variable): place for place, variable in enumerate(template.model.variables)}
    places = [at[id(variable)] for variable in variables]
    values = _drawn(config, data, seeds, registry)
    if values is None:
        values = [
            [v.numpy() for v in _built(config, data, seed, registry).variables] for seed in seeds
        ]
    known = len(values[0])  # the layer of the target's units is behind what the plugin made
    return [
        np.stack([own[place] for own in values])
        if place < known
        else np.stack([variable.numpy()] * len(seeds))
        for place, variable in zip(places, variables, strict=True)
    ]


def with_units(
    weights: Sequence[np.ndarray], template: Student, data: Sequence[PreparedData], link: str
) -> list[np.ndarray]:
    """Initial weights with the target's units of each seed's training rows.

    Args:
        weights: what `initial_weights` returned.
        template: the student that it was asked about.
        data: of each seed.
        link: of the formula; see `tfloss.training.target_units.link_of`.
    """
    found, places = list(weights), units_places(template)
    if places is not None:
        units = [units_of(one.train, link) for one in data]
        found[places[0]] = np.stack([np.diag(scale) for scale, _ in units]).astype(np.float32)
        found[places[1]] = np.stack([mean for _, mean in units]).astype(np.float32)
    return found


def _drawn(
    config: Config, data: PreparedData, seeds: Sequence[int], registry: Registry
) -> list[list[np.ndarray]] | None:
    """Every variable of every seed's model; None where that takes building each."""
    if len(seeds) < _WORTH_IT:
        return None
    with _recorded() as initializers:
        model = _built(config, data, seeds[0], registry)
    draws = 4 * len(model.variables) + 16  # more than one initializer may be made for a variable
    numbers = {seed: number for number, seed in enumerate(_seeds_drawn(seeds[0], draws))}
    draw = [_again(v, initializers.get(id(v)), numbers) for v in model.variables]
    found = [[one(own) for one in draw] for own in (_seeds_drawn(seed, draws) for seed in seeds)]
    built = [variable.numpy() for variable in _built(config, data, seeds[-1], registry).variables]
    same = len(built) == len(draw) and all(
        one.tobytes() == other.tobytes() for one, other in zip(found[-1], built, strict=True)
    )
    return found if same else None


def _again(
    variable: Any, initializer: Any, numbers: Mapping[int, int]
) -> Callable[[list[int]], np.ndarray]:
    """The initial value of a variable, from the seeds that a start of Python's generator gives.

    Args:
        variable: of the model that was built.
        initializer: what made it, if that is known.
        numbers: by seed, as which one it was drawn for this model.
    """
    value: np.ndarray = variable.numpy()
    number = numbers.get(getattr(initializer, "seed", None))  # type: ignore[arg-type]
    if number is not None:
        other = copy(initializer)

        def made(seeds: list[int]) -> np.ndarray:
            other.seed = seeds[number]
            drawn: np.ndarray = other(value.shape, dtype=variable.dtype).numpy()
            return drawn

        return made
    if value.dtype.kind in "iu" and value.shape == (2,) and int(value[0]) in numbers:
        # A seed generator's: its seed, and how often it was asked.
        return lambda seeds: np.array([seeds[numbers[int(value[0])]], value[1]], value.dtype)
    return lambda seeds: value


@contextmanager
def _recorded() -> Iterator[dict[int, Any]]:
    """By the identity of each Keras variable that is made meanwhile, what gave it its value."""
    found: dict[int, Any] = {}
    original = keras.Variable.__init__

    def noting(self: Any, initializer: Any, *arguments: Any, **named: Any) -> None:
        original(self, initializer, *arguments, **named)
        found[id(self)] = initializer

    keras.Variable.__init__ = noting
    try:
        yield found
    finally:
        keras.Variable.__init__ = original


def _seeds_drawn(seed: int, count: int) -> list[int]:
    """The first seeds that Keras would draw for initializers."""
    with generators_kept():
        random.seed(seed)
        return [random.randint(1, 10**9) for _ in range(count)]


def _built(config: Config, data: PreparedData, seed: int, registry: Registry) -> Any:
    """The Keras model as its plugin makes it: what `make_student` wraps, without the wrapping."""
    return built_model(
        config.model, data.n_features, data.n_outputs, registry, seed, data.embeddings
    )
