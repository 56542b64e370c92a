"""What each seed brings, the same for every formula: split, teachers' answers, initial weights."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tfloss.comparison.replicates.initial_weights import initial_values
from tfloss.data import PreparedData, Table, augment, load_dataset, prepare
from tfloss.registry import Model, Registry, called, load_registry
from tfloss.student import Student, check_model, make_student
from tfloss.teachers import FittedTeacher, supply
from tfloss.training.config import Config
from tfloss.training.fit import names_in

_WORTH_PROCESSES = 8.0  # seconds of fitting; starting processes takes two
_SPLIT = (
    *("train_fraction", "train_size", "test_size", "stratify"),
    *("scale", "bootstrap", "leak"),
)


@dataclass(frozen=True)
class World:
    """One seed's split and teachers."""

    seed: int
    data: PreparedData
    teachers: dict[str, FittedTeacher]


def make_worlds(
    config: Config,
    seeds: Sequence[int],
    registry: Registry,
    formulas: Sequence[str] = (),
    table: Table | None = None,
    *,
    cache: Path | None = None,
    foresee: Callable[[float], None] = lambda seconds: None,
) -> tuple[list[World], dict[str, float]]:
    """Split the data and fit the teachers for every seed; needs no TensorFlow.

    Args:
        config: the training.
        seeds: one world each.
        registry: what names stand for.
        table: the rows; those of `config.data` unless said.
        formulas: what is compared, if more than `config.formula`; a teacher that is a network
            supplies the layers that they name.
        cache: a folder in which teachers' answers are kept; the environment's TFLOSS_CACHE unless
            said.
        foresee: told, after two of the seeds, how many seconds of fitting are ahead, if many.

    Returns:
        the worlds, and the seconds that 'data' and 'teachers' took.

    Raises:
        DataError, UsageError, PluginError: as for a training alone.
    """
    started = time.perf_counter()
    table = load_table(config, registry) if table is None else table
    split = {name: getattr(config, name) for name in _SPLIT}
    more = {"times": config.augment, "noise": config.augment_noise}
    data = [augment(prepare(table, **split, seed=seed), **more, seed=seed) for seed in seeds]
    split_done = time.perf_counter()
    names: frozenset[str] = frozenset().union(*map(names_in, formulas or [config.formula]))
    asked = _teach(config, data, seeds, registry, names, cache, foresee)
    seconds = {"data": split_done - started, "teachers": time.perf_counter() - split_done}
    return [World(*world) for world in zip(seeds, data, asked, strict=True)], seconds


def load_table(config: Config, registry: Registry) -> Table:
    """The data set of a configuration, not yet split."""
    return load_dataset(
        config.data,
        registry,
        target=config.target,
        weight=config.weight,
        columns=config.columns or None,
    )


def _teach(
    config: Config,
    data: Sequence[PreparedData],
    seeds: Sequence[int],
    registry: Registry,
    names: frozenset[str],
    cache: Path | None,
    foresee: Callable[[float], None],
) -> list[dict[str, FittedTeacher]]:
    """The teachers of every split, in several processes where fitting takes long."""
    if not config.teacher:
        return [{} for _ in seeds]

    def lesson(place: int) -> dict[str, FittedTeacher]:
        return _lesson(config, data[place], seeds[place], registry, names, cache)

    asked = [lesson(0)]  # what it imports at first is not counted below
    if len(data) > 1:
        started = time.perf_counter()
        asked.append(lesson(1))
        foreseen = (time.perf_counter() - started) * (len(data) - 2)
        rest = range(2, len(data))
        if foreseen > _WORTH_PROCESSES:
            foresee(foreseen)
        # Another process finds what is installed, and nothing else that a registry may hold.
        if foreseen > _WORTH_PROCESSES and registry is load_registry():
            pairs = [(data[place], seeds[place]) for place in rest]
            asked += _in_processes(config, pairs, names, cache)
        else:
            asked += map(lesson, rest)
    return asked


def _lesson(
    config: Config,
    data: PreparedData,
    seed: int,
    registry: Registry,
    names: frozenset[str],
    cache: Path | None,
) -> dict[str, FittedTeacher]:
    from threadpoolctl import threadpool_limits

    # Small matrices: threads of the linear algebra would only wait for each other.
    with threadpool_limits(1):
        return supply(
            list(config.teacher),
            data,
            registry,
            seed=seed,
            fit=config.teacher_fit,
            calibrate=config.teacher_calibrate,
            rows=config.teacher_rows,
            force=config.teacher_force,
            cache=cache,
            tensors=names,
        )


def _in_processes(
    config: Config,
    pairs: Sequence[tuple[PreparedData, int]],
    names: frozenset[str],
    cache: Path | None,
) -> list[dict[str, FittedTeacher]]:
    from joblib import Parallel, delayed

    ask = delayed(partial(_answers, names=names, cache=cache))
    return Parallel(n_jobs=-1)(ask(config, *pair) for pair in pairs)


def _answers(
    config: Config, data: PreparedData, seed: int, names: frozenset[str], cache: Path | None
) -> dict[str, FittedTeacher]:
    """A lesson in another process; the fitted estimators are large, and stay there."""
    lesson = _lesson(config, data, seed, load_registry(), names, cache)
    return {name: replace(teacher, fit=None) for name, teacher in lesson.items()}


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
