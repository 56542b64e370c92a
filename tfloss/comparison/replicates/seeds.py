"""What each seed decides, the same for every formula: split, teachers, initial weights."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from tfloss.data import PreparedData, Table, augment, with_same_inputs
from tfloss.data.links import LOGIT
from tfloss.errors import OneClassError
from tfloss.io.warn_once import collected, warn_once
from tfloss.registry import Registry, load_registry
from tfloss.student import Student, make_student
from tfloss.student.build import is_built_by_name
from tfloss.teachers import FittedTeacher
from tfloss.training.bound_formula import BoundFormula
from tfloss.training.config import Config
from tfloss.training.loop.shuffling import steps_per_epoch
from tfloss.training.target_kind import table_for_the_loss
from tfloss.training.target_units import (
    in_target_units,
    link_of,
)
from tfloss.training.teachers import Teachers, names_in

_REDRAWS = 1000  # of one seed's split; then the seed is left out
_WORTH_PROCESSES = 8.0  # seconds of fitting; starting processes takes two


@dataclass(frozen=True)
class SeedSetup:
    """One seed's split and teachers.

    Attributes:
        seed: which.
        data: its split.
        teachers: fitted on it, and asked about its rows.
        redrawn: how often the split was drawn again, since its training rows held one class.
    """

    seed: int
    data: PreparedData
    teachers: dict[str, FittedTeacher]
    redrawn: int = 0


def prepare_seeds(
    config: Config,
    seeds: Sequence[int],
    registry: Registry,
    formulas: Sequence[str] = (),
    table: Table | None = None,
    *,
    checked: Sequence[str] | None = None,
    one_class: str = "skip",
    cache: Path | None = None,
    on_estimate: Callable[[float], None] = lambda seconds: None,
    own: Callable[[int], range] = range,
) -> tuple[list[SeedSetup], dict[str, float]]:
    """Split the data and fit the teachers for every seed.

    Args:
        config: the training.
        seeds: one setup is made for each.
        registry: what names stand for.
        table: the rows; default: those of `config.data`.
        formulas: what is compared, if more than `config.formula`; a teacher that is a network
            supplies the layers that they name.
        checked: the formulas that must fit the student and the data before a teacher is fitted;
            default: `formulas`.
        one_class: what to do with a seed whose training rows hold one class: 'skip' leaves it out,
            'redraw' draws its split again until there are two.
        cache: a folder in which teachers' answers are kept; default: the environment's
            TFLOSS_CACHE.
        on_estimate: called after two seeds with the seconds of fitting left, if they are many.
        own: of the number of seeds that have training rows of two classes, the positions of those
            whose teachers are fitted; default: all.

    Returns:
        the setups, fewer than `seeds` where some were left out, and the seconds that 'data' and
        'teachers' took.

    Raises:
        OneClassError: no seed has training rows of two classes.
        FormulaError, DataError, UsageError, PluginError: as for a training alone.
    """
    started = time.perf_counter()
    formulas = formulas or [config.formula]
    if table is None:
        table = config.table(registry)
    else:
        table = table_for_the_loss(table, config.formula, registry)
    if table.multilabel and any(link_of(one, registry) != LOGIT for one in formulas):
        table = replace(table, multilabel=False)  # all formulas are scored alike
    splits = _splits(table, config, seeds, one_class)
    seeds = [seed for seed, _, _ in splits]
    more = {"times": config.augment, "noise": config.augment_noise}
    data = with_same_inputs([augment(split, **more, seed=seed) for seed, split, _ in splits])
    split_done = time.perf_counter()
    if config.teacher:  # which take the longest
        _refuse_misfits(config, data[0], registry, formulas if checked is None else checked)
    names: frozenset[str] = frozenset().union(*map(names_in, formulas))
    fitted: list[dict[str, FittedTeacher]] = [{} for _ in seeds]
    part = own(len(seeds))
    if part:
        inside = slice(part.start, part.stop)
        fitted[inside] = _teachers_of(
            config, data[inside], seeds[inside], registry, names, cache, on_estimate
        )
    seconds = {"data": split_done - started, "teachers": time.perf_counter() - split_done}
    again = [times for _, _, times in splits]
    return [SeedSetup(*s) for s in zip(seeds, data, fitted, again, strict=True)], seconds


def _refuse_misfits(
    config: Config, data: PreparedData, registry: Registry, formulas: Sequence[str]
) -> None:
    """Raise what is wrong with a formula for this student and these data."""
    student = student_of(config, data, config.seed, registry)
    steps = steps_per_epoch(len(data.train), config.batch_size, config.batches)
    for formula in formulas:
        bound = BoundFormula(formula, student, data, registry, steps, config.allow_negative)
        bound.expected(*Teachers(config.teacher).names(formula, registry))


def _splits(
    table: Table, config: Config, seeds: Sequence[int], one_class: str
) -> list[tuple[int, PreparedData, int]]:
    """Each seed's split, and how often it was drawn again; no seed without two classes."""
    splits: list[tuple[int, PreparedData, int]] = []
    refused: OneClassError | None = None
    known: dict[int, PreparedData] = {}  # with one split for all seeds its rows are there once
    for seed in seeds:
        first = seed if config.split_seed is None else config.split_seed
        for again in range(_REDRAWS if one_class == "redraw" else 1):
            own = first if not again else _other_seed(first, again)
            try:
                known[own] = known.get(own) or config.split(table, own)
                splits.append((seed, known[own], again))
            except OneClassError as error:
                refused = error
                continue
            break
    if refused is not None and not splits:
        raise refused
    return splits


def _other_seed(seed: int, number: int) -> int:
    """A seed that follows from another one, far from the seeds next to it."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0] >> 1)


def _teachers_of(
    config: Config,
    data: Sequence[PreparedData],
    seeds: Sequence[int],
    registry: Registry,
    names: frozenset[str],
    cache: Path | None,
    on_estimate: Callable[[float], None],
) -> list[dict[str, FittedTeacher]]:
    """The teachers of every split, in several processes where fitting takes long."""
    if not config.teacher:
        return [{} for _ in seeds]

    def fitted_for(place: int) -> dict[str, FittedTeacher]:
        return _fit_teachers(config, data[place], seeds[place], registry, names, cache)

    fitted = [fitted_for(0)]  # what it imports at first is not counted below
    if len(data) > 1:
        started = time.perf_counter()
        fitted.append(fitted_for(1))
        estimated = (time.perf_counter() - started) * (len(data) - 2)
        rest = range(2, len(data))
        if estimated > _WORTH_PROCESSES:
            on_estimate(estimated)
        # Another process finds what is installed, and nothing else that a registry may hold.
        if estimated > _WORTH_PROCESSES and registry is load_registry():
            pairs = [(data[place], seeds[place]) for place in rest]
            fitted += _in_processes(config, pairs, names, cache)
        else:
            fitted += map(fitted_for, rest)
    return fitted


def _fit_teachers(
    config: Config,
    data: PreparedData,
    seed: int,
    registry: Registry,
    names: frozenset[str],
    cache: Path | None,
) -> dict[str, FittedTeacher]:
    return config.changed(seed=seed).fit_teachers(data, registry, cache=cache, tensors=names)


def _in_processes(
    config: Config,
    pairs: Sequence[tuple[PreparedData, int]],
    names: frozenset[str],
    cache: Path | None,
) -> list[dict[str, FittedTeacher]]:
    from joblib import Parallel, delayed

    ask = delayed(partial(_answers, names=names, cache=cache))
    answers = Parallel(n_jobs=-1)(ask(config, *pair) for pair in pairs)
    for _, told in answers:
        for key, sentence in told.items():
            warn_once(sentence, key)
    return [teachers for teachers, _ in answers]


def _answers(
    config: Config, data: PreparedData, seed: int, names: frozenset[str], cache: Path | None
) -> tuple[dict[str, FittedTeacher], dict[str, str]]:
    """The teachers of one seed, in another process, and what is to be told of them.

    Fitted estimators are large and stay there.
    """
    with collected() as told:
        fitted = _fit_teachers(config, data, seed, load_registry(), names, cache)
    return {name: replace(teacher, fit=None) for name, teacher in fitted.items()}, told


def student_of(config: Config, data: PreparedData, seed: int, registry: Registry) -> Student:
    """The student that a training alone with this seed would start from."""
    student = make_student(
        config.model,
        inputs=data.n_features,
        outputs=data.n_outputs,
        registry=registry,
        seed=seed,
        embeddings=data.embeddings,
    )
    if not (config.scale_target and is_built_by_name(config.model)):
        return student
    return in_target_units(student, data, link_of(config.formula, registry))
