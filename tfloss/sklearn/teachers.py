"""Teachers of an estimator: fitted by its `fit`, as `clone` and `GridSearchCV` would have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn.base import clone

from tfloss.errors import UsageError
from tfloss.registry import Registry
from tfloss.teachers import Options, PrefittedTeacher
from tfloss.teachers.column import PredictionsColumn
from tfloss.teachers.fitting.given import listed_teachers, resolved


def unfitted_copies(teacher: Any) -> Any:
    """The teachers as scikit-learn's `clone` leaves them: estimators are unfitted.

    So `fit` does with an estimator that has been fitted what `GridSearchCV` does, which clones what
    it is given. In `sklearn.frozen.FrozenEstimator` it stays fitted, for both.
    """
    if isinstance(teacher, Mapping):
        return {name: unfitted_copies(one) for name, one in teacher.items()}
    if isinstance(teacher, (list, tuple)):
        return [unfitted_copies(one) for one in teacher]
    parameters = hasattr(teacher, "get_params") and not isinstance(teacher, type)
    return clone(teacher) if parameters else teacher


def refuse_to_fit(teacher: Any, registry: Registry) -> None:
    """Refuse a teacher that would be fitted on a part of the rows.

    Raises:
        UsageError: with what to give instead.
    """
    for one in listed_teachers(unfitted_copies(teacher)):
        thing = resolved(one, Options(), registry, 0).thing
        if not isinstance(thing, PrefittedTeacher | PredictionsColumn):
            raise UsageError(
                f"partial_fit sees a part of the rows, and the teacher '{one.name}' would be "
                f"fitted again on each part; fit it before and pass FrozenEstimator(teacher), or "
                f"pass its predictions as a column."
            )
