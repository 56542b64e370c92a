"""The teachers of a training: fitted now, before, or taken from a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from tfloss.data import Columns, PreparedData
from tfloss.formula import Name, Node, Text, as_node
from tfloss.registry import Registry
from tfloss.teachers import FittedTeacher, fit_teachers
from tfloss.teachers.fitting.given import layers_named, listed_teachers
from tfloss.training.checkpoints.manager import Checkpoints
from tfloss.training.checkpoints.teachers import from_checkpoint, teacher_fingerprint


@dataclass(frozen=True)
class Teachers:
    """Which teachers a training has, and how they are fitted; see `tfloss.fit`."""

    teacher: Any = ()
    fit: str = "auto"
    calibrate: str = "auto"
    rows: int | None = None
    force: bool = False
    seed: int = 0
    n_jobs: int | None = None
    cache: str | Path | None = None
    inputs: str = "auto"

    @property
    def _decisive(self) -> dict[str, Any]:
        """The options on which predictions depend."""
        return {
            "seed": self.seed,
            "fit": self.fit,
            "calibrate": self.calibrate,
            "rows": self.rows,
            "force": self.force,
            "inputs": self.inputs,
        }

    @property
    def already_fitted(self) -> dict[str, FittedTeacher]:
        """The teachers, where they were fitted on these data before."""
        fitted = self.teacher
        if isinstance(fitted, Mapping) and all(
            isinstance(one, FittedTeacher) for one in fitted.values()
        ):
            return dict(fitted)
        return {}

    def names(
        self, formula: str | Node, registry: Registry
    ) -> tuple[dict[str, str], frozenset[str]]:
        """The teachers' texts by name, and the names in the formula that can be their layers.

        Raises:
            UsageError: something that is no teacher, or one name for two.
        """
        given = listed_teachers(self.teacher)
        return {t.alias: t.text for t in given}, layers_named(given, names_in(formula), registry)

    def fingerprint(self) -> Any:
        """What was asked for, as plain values; equal for the same teachers."""
        fitted = self.already_fitted
        if fitted:
            return {name: teacher.text for name, teacher in fitted.items()}
        return teacher_fingerprint(self.teacher, **self._decisive)

    def fitted(
        self,
        formula: str | Node,
        data: PreparedData,
        registry: Registry,
        checkpoints: Checkpoints | None = None,
        before_fit: Callable[[], Any] | None = None,
    ) -> dict[str, FittedTeacher]:
        """The teachers with their predictions for all rows.

        Args:
            formula: which names the tensors that are asked for.
            data: what they are fitted on.
            registry: where names are looked up.
            checkpoints: which may hold their predictions.
            before_fit: see `tfloss.teachers.fit_teachers`.
        """
        if self.already_fitted:
            return self.already_fitted
        recorded = {}
        if checkpoints is not None:
            recorded = from_checkpoint(checkpoints, self.fingerprint())
        return recorded or fit_teachers(
            self.teacher,
            data,
            registry,
            n_jobs=self.n_jobs,
            cache=self.cache,
            tensors=sorted(names_in(formula)),
            before_fit=before_fit,
            **self._decisive,
        )


def names_in(formula: str | Node) -> frozenset[str]:
    """Every name in a formula, of losses and of tensors, and every text in quotes."""
    nodes = list(as_node(formula).walk())
    quoted = {node.value for node in nodes if isinstance(node, Text)}
    return frozenset(quoted.union(node.name for node in nodes if isinstance(node, Name)))


def shapes_of(teachers: Mapping[str, FittedTeacher]) -> dict[str, Any]:
    """The tensors of all teachers with their shapes."""
    tensors = [item for t in teachers.values() for item in t.tensors("train").items()]
    return {name: (None, *values.shape[1:]) for name, values in tensors}


def columns_of(
    data: PreparedData, split: Literal["train", "holdout"], teachers: Mapping[str, FittedTeacher]
) -> Columns:
    """A split's columns with the predictions of the teachers."""
    part = getattr(data, split)
    values, present = dict(part.values), dict(part.present)
    for teacher in teachers.values():
        values |= teacher.tensors(split)
        present |= teacher.present(split)
    return replace(part, values=values, present=present)
