"""Formulas that differ in constant coefficients only share one program, as a search's trials do."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tfloss.comparison.replicates.program import Replicates
from tfloss.data import PreparedData
from tfloss.objective import Objective
from tfloss.objective.coefficients import constant_value
from tfloss.objective.plan import Constant
from tfloss.registry import Registry
from tfloss.student import Student
from tfloss.teachers import FittedTeacher
from tfloss.training.bound_formula import BoundFormula
from tfloss.training.config import Config
from tfloss.training.loop.shuffling import steps_per_epoch


@dataclass(frozen=True)
class Family:
    """Formulas of one program.

    Attributes:
        objective: what all of them have in common; coefficients that are constants are 1 in it.
        positions: of the formulas in the comparison.
        names: of each formula's terms.
        likeness: equal for what can share a program.
        coefficients: (formulas, terms) the constants; 1 for what the objective keeps: schedules,
            and coefficients within a balance.
    """

    objective: Objective
    positions: tuple[int, ...]
    likeness: Hashable
    names: tuple[tuple[str, ...], ...]
    coefficients: np.ndarray


class ProgramCache:
    """Programs of trainings on the same seeds that differ in constant coefficients only.

    Few are kept: each holds all its columns.
    """

    def __init__(self, most: int = 4) -> None:
        self._most = most
        self._kept: dict[Hashable, Replicates] = {}

    def get(self, key: Hashable) -> Replicates | None:
        """The program of this key, if it is kept."""
        return self._kept.get(key)

    def keep(self, key: Hashable, program: Replicates) -> None:
        """Keep a program that has trained, in place of the one that was used longest ago."""
        self._kept.pop(key, None)
        self._kept[key] = program
        while len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]


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
    steps = steps_per_epoch(len(data.train), config.batch_size, config.batches)
    objectives = [
        BoundFormula(
            formula, student, data, registry, steps, config.allow_negative, config.seed
        ).objective(teachers)
        for formula in formulas
    ]
    groups: dict[object, list[int]] = {}
    for position, objective in enumerate(objectives):
        # The variables of a loss belong to one formula.
        likeness = position if objective.states else _likeness(objective)
        groups.setdefault(likeness, []).append(position)
    return [_family([objectives[p] for p in places], places) for places in groups.values()]


def _likeness(objective: Objective) -> Hashable:
    """Equal for formulas that differ in constant coefficients only."""
    return tuple(
        (term.body.text, None if value is not None else term.coefficient.text)
        for term, value in zip(objective.terms, _coefficients(objective), strict=True)
    )


def _coefficients(objective: Objective) -> list[float | None]:
    """By term; None for a schedule."""
    return [constant_value(term.coefficient) for term in objective.terms]


def _outside_of_balances(objective: Objective) -> list[float | None]:
    """The same; None within a balance, which sees its members with their coefficients."""
    pairs = zip(objective.terms, _coefficients(objective), strict=True)
    return [None if term.balance else value for term, value in pairs]


def _family(objectives: list[Objective], places: list[int]) -> Family:
    first = objectives[0]
    names, likeness = tuple(objective.names for objective in objectives), _likeness(first)
    values = [_outside_of_balances(objective) for objective in objectives]
    first.terms = tuple(
        term if value is None else replace(term, coefficient=Constant(term.coefficient.node, 1.0))
        for term, value in zip(first.terms, values[0], strict=True)
    )
    coefficients = [[1.0 if value is None else value for value in own] for own in values]
    return Family(first, tuple(places), likeness, names, np.array(coefficients, np.float32))
