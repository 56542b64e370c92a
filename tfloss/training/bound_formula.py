"""A formula on a student and its data: checked before its teachers are fitted, bound after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tfloss.data import PreparedData
from tfloss.formula import Node
from tfloss.objective import GradientMonitor, Objective
from tfloss.registry import Registry
from tfloss.student import Student
from tfloss.teachers import FittedTeacher
from tfloss.training.scope import full_scope
from tfloss.training.target_kind import refuse_mixed_links, refuse_quantities
from tfloss.training.target_units import link_of
from tfloss.training.teachers import shapes_of


@dataclass(frozen=True)
class BoundFormula:
    """Makes the objective of a training.

    Attributes:
        formula: text or tree.
        student: with its layers and weights.
        data: labels and columns.
        registry: what names stand for.
        steps_per_epoch: for schedules in epochs.
        allow_negative: accept coefficients below zero.
        seed: of losses that draw random numbers.
        watch: measures the gradients of the terms.
    """

    formula: str | Node
    student: Student
    data: PreparedData
    registry: Registry
    steps_per_epoch: int
    allow_negative: bool = False
    seed: int = 0
    watch: GradientMonitor | None = None

    def expected(self, teachers: Mapping[str, str], layers: Iterable[str] = ()) -> Objective:
        """The objective with the shapes that teachers will have, while none is fitted.

        Args:
            teachers: by name, the text that describes each.
            layers: the names in the formula that can only be layers of a teacher.

        Raises:
            FormulaError: a name, a setting or a shape does not fit; with the position.
            UsageError: a loss of classes for a quantity, or a name that is taken.
        """
        tensors: dict[str, Any] = dict.fromkeys(layers)
        if tensors and self.data.task == "regression":
            tensors |= {f"{name}.std": (None, self.data.n_outputs) for name in teachers}
        return self._objective(teachers, tensors or None)

    def objective(self, teachers: Mapping[str, FittedTeacher]) -> Objective:
        """The objective with the tensors of fitted teachers.

        Raises:
            FormulaError, UsageError: as for `expected`.
        """
        texts = {name: teacher.text for name, teacher in teachers.items()}
        return self._objective(texts, shapes_of(teachers))

    def _objective(self, texts: Mapping[str, str], tensors: Mapping[str, Any] | None) -> Objective:
        objective = Objective(
            self.formula,
            self.registry,
            full_scope(
                self.student, self.data, texts, tensors, link_of(self.formula, self.registry)
            ),
            steps_per_epoch=self.steps_per_epoch,
            allow_negative=self.allow_negative,
            seed=self.seed,
            watch=self.watch,
        )
        refuse_quantities(objective, self.data)
        refuse_mixed_links(objective, self.data)
        return objective
