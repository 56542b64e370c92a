"""Formulas that differ in constant coefficients only share one program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tfloss.data import PreparedData
from tfloss.objective import Objective
from tfloss.objective.coefficients import constant_value
from tfloss.objective.plan import Constant
from tfloss.registry import Registry
from tfloss.student import Student
from tfloss.teachers import FittedTeacher
from tfloss.training.config import Config
from tfloss.training.loop.shuffling import steps_per_epoch
from tfloss.training.scope import full_scope
from tfloss.training.teachers import shapes_of


@dataclass(frozen=True)
class Family:
    """Formulas of one program.

    Attributes:
        objective: what all of them have in common; its coefficients are 1 where `coefficients` is
            given.
        positions: of the formulas in the comparison.
        names: of each formula's terms.
        coefficients: (formulas, terms), or None where the objective has its own.
    """

    objective: Objective
    positions: tuple[int, ...]
    names: tuple[tuple[str, ...], ...]
    coefficients: np.ndarray | None


def families(
    formulas: Sequence[str],
    config: Config,
    student: Student,
    data: PreparedData,
    teachers: Mapping[str, FittedTeacher],
    registry: Registry,
) -> list[Family]:
    """Group the formulas by what stands behind their coefficients.

    Raises:
        FormulaError: a formula that does not fit the student or the data.
    """
    texts = {name: teacher.text for name, teacher in teachers.items()}
    scope = full_scope(student, data, texts, shapes_of(teachers))
    objectives = [
        Objective(
            formula,
            registry,
            scope,
            steps_per_epoch=steps_per_epoch(len(data.train), config.batch_size, config.batches),
            allow_negative=config.allow_negative,
            seed=config.seed,
        )
        for formula in formulas
    ]
    groups: dict[object, list[int]] = {}
    for position, objective in enumerate(objectives):
        groups.setdefault(_likeness(objective, position), []).append(position)
    return [_family([objectives[p] for p in places], places) for places in groups.values()]


def _likeness(objective: Objective, position: int) -> object:
    """Equal for formulas that differ in coefficients only; a schedule is like no other."""
    if None in _coefficients(objective) or objective.states:
        return position
    return tuple(term.body.text for term in objective.terms)


def _coefficients(objective: Objective) -> list[float | None]:
    return [constant_value(term.coefficient) for term in objective.terms]


def _family(objectives: list[Objective], places: list[int]) -> Family:
    first = objectives[0]
    names = tuple(objective.names for objective in objectives)
    if len(objectives) == 1:
        return Family(first, tuple(places), names, None)
    coefficients = np.array([_coefficients(objective) for objective in objectives], np.float32)
    first.terms = tuple(
        replace(term, coefficient=Constant(term.coefficient.node, 1.0)) for term in first.terms
    )
    return Family(first, tuple(places), names, coefficients)
