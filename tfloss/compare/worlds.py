"""What each seed brings, the same for every formula: split, teachers' answers, initial weights."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfloss.compare.initial import initial_values
from tfloss.data import PreparedData, load_dataset, prepare
from tfloss.registry import Model, Registry, called
from tfloss.student import Student, check_model, make_student
from tfloss.teachers import FittedTeacher, supply
from tfloss.training.config import Config

_WORTH_PROCESSES = 8.0  # seconds of fitting; starting processes takes two


@dataclass(frozen=True)
class World:
    """One seed's split and teachers."""

    seed: int
    data: PreparedData
    teachers: dict[str, FittedTeacher]


def make_worlds(
    config: Config, seeds: Sequence[int], registry: Registry
) -> tuple[list[World], dict[str, float]]:
    """Split the data and fit the teachers for every seed; needs no TensorFlow.

    Returns:
        the worlds, and the seconds that 'data' and 'teachers' took.

    Raises:
        DataError, UsageError, PluginError: as for a training alone.
    """
    started = time.perf_counter()
    table = load_dataset(
        config.data,
        registry,
        target=config.target,
        weight=config.weight,
        extra=config.extra or None,
    )
    split = {
        name: getattr(config, name)
        for name in ("train_fraction", "train_size", "test_size", "stratify", "scale")
    }
    data = [prepare(table, **split, seed=seed) for seed in seeds]
    split_done = time.perf_counter()
    asked = _teach(config, data, seeds, registry)
    seconds = {"data": split_done - started, "teachers": time.perf_counter() - split_done}
    return [World(*world) for world in zip(seeds, data, asked, strict=True)], seconds


def _teach(
    config: Config, data: Sequence[PreparedData], seeds: Sequence[int], registry: Registry
) -> list[dict[str, FittedTeacher]]:
    """The teachers of every split, in several processes where fitting takes long."""
    from threadpoolctl import threadpool_limits

    if not config.teacher:
        return [{} for _ in seeds]

    def lesson(prepared: PreparedData, seed: int) -> dict[str, FittedTeacher]:
        # Small matrices: threads of the linear algebra would only wait for each other.
        with threadpool_limits(1):
            return supply(
                list(config.teacher), prepared, registry, seed=seed, fit=config.teacher_fit
            )

    asked = [lesson(data[0], seeds[0])]  # what it imports at first is not counted below
    if len(data) > 1:
        started = time.perf_counter()
        asked.append(lesson(data[1], seeds[1]))
        foreseen = (time.perf_counter() - started) * (len(data) - 2)
        if foreseen > _WORTH_PROCESSES:
            asked += _in_processes(lesson, data[2:], seeds[2:])
        else:
            asked += map(lesson, data[2:], seeds[2:])
    return asked


def _in_processes(
    lesson: Callable[..., Any], data: Sequence[PreparedData], seeds: Sequence[int]
) -> list[dict[str, FittedTeacher]]:
    from joblib import Parallel, delayed

    def answered(prepared: PreparedData, seed: int) -> dict[str, FittedTeacher]:
        from dataclasses import replace

        # Only the answers travel back: the fitted estimators are large and not asked again.
        return {
            name: replace(teacher, fit=None) for name, teacher in lesson(prepared, seed).items()
        }

    return Parallel(n_jobs=-1)(delayed(answered)(*one) for one in zip(data, seeds, strict=True))


def initial_weights(
    template: Student, config: Config, data: PreparedData, seeds: Sequence[int], registry: Registry
) -> list[np.ndarray]:
    """The initial value of each of the student's variables for every seed, (seeds, …) each.

    Args:
        template: a student of the same configuration; says which variables and in which order.
    """
    variables = template.forward_model.variables
    at = {id(variable): place for place, variable in enumerate(template.model.variables)}
    places = [at[id(variable)] for variable in variables]
    values = initial_values(lambda seed: _built(config, data, seed, registry), seeds)
    return [values[place] for place in places]


def _built(config: Config, data: PreparedData, seed: int, registry: Registry) -> Any:
    """The Keras model as its plugin makes it: what `make_student` wraps, without the wrapping."""
    from tfloss.lazy import keras

    model, specification = check_model(config.model, registry)
    assert isinstance(model, Model)
    keras.utils.set_random_seed(seed)
    return called(
        model,
        config.model,
        data.n_features,
        data.n_outputs,
        *specification.values,
        **specification.settings,
    )


def student_of(config: Config, data: PreparedData, seed: int, registry: Registry) -> Student:
    """The student that a training alone with this seed would start from."""
    return make_student(
        config.model,
        inputs=data.n_features,
        outputs=data.n_outputs,
        registry=registry,
        seed=seed,
    )
