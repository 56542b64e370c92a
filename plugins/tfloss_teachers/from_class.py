"""A teacher from the class of an estimator: its parameters are the settings."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import tfloss

# These have a default that `fit` does not accept.
_NEEDED_ALL_THE_SAME = {"SelfTrainingClassifier": ("estimator",)}
_KINDS = ["classifier", "regressor"]


def declare(
    name: str, dotted: str, summary: str, needed: tuple[str, ...] = (), answers: str = ""
) -> Any:
    """Declare the class at `dotted`, which is imported when an estimator is made.

    Args:
        name: what the teacher is called.
        dotted: module and class.
        summary: one line for listings.
        needed: the constructor's parameters without a default.
        answers: what it gives; see `tfloss.registry.Teacher`.
    """

    def make(**settings: Any) -> Any:
        module, _, class_name = dotted.rpartition(".")
        return getattr(importlib.import_module(module), class_name)(**settings)

    made = _with_signature(make, needed, summary)
    return tfloss.teacher(made, name=name, estimator=dotted, answers=answers)


def _with_signature(
    make: Callable[..., Any], needed: tuple[str, ...], summary: str
) -> Callable[..., Any]:
    """Say which settings must be given; the others are set on the estimator."""
    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter(name, kind) for name in needed]
    make.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    make.__doc__ = summary
    return make


# By name: package, class, what it is. They are not scikit-learn's, so they are installed or not.
_LIBRARIES = {
    "xgb": ("xgboost", "XGBClassifier", "XGBoost, gradient boosting."),
    "xgbr": ("xgboost", "XGBRegressor", "XGBoost for regression."),
    "lgbm": ("lightgbm", "LGBMClassifier", "LightGBM, gradient boosting."),
    "lgbmr": ("lightgbm", "LGBMRegressor", "LightGBM for regression."),
}


def by_library(name: str) -> Any | None:
    """An estimator of XGBoost or LightGBM by its short name, or None.

    Raises:
        tfloss.UsageError: the package is not installed.
    """
    if name not in _LIBRARIES:
        return None
    package, class_name, summary = _LIBRARIES[name]
    if find_spec(package) is None:
        raise tfloss.UsageError(
            f"The teacher '{name}' is {class_name} of {package}, which is not installed; install "
            f"it with: pip install {package}."
        )
    regressor = class_name.endswith("Regressor")
    answers = "prediction" if regressor else "probabilities"
    return declare(name, f"{package}.{class_name}", summary, answers=answers)


def by_class_name(name: str) -> Any | None:
    """The estimator of scikit-learn whose class is called `name`, or None.

    Raises:
        tfloss.UsageError: `name` looks like the misspelt name of a class.
    """
    if not (name.isidentifier() and name[0].isupper()):
        return None
    from sklearn.utils import all_estimators

    classes = dict(all_estimators(type_filter=_KINDS))
    if name not in classes:
        _refuse_misspelt(name, classes)
        return None
    found = classes[name]
    summary = (inspect.getdoc(found) or "").partition("\n")[0]
    return declare(name, f"{found.__module__}.{name}", summary, _without_default(found))


def _without_default(found: type) -> tuple[str, ...]:
    parameters = inspect.signature(found).parameters.values()
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    needed = tuple(p.name for p in named if p.default is inspect.Parameter.empty)
    return needed or _NEEDED_ALL_THE_SAME.get(found.__name__, ())


def _refuse_misspelt(name: str, classes: dict[str, Any]) -> None:
    from tfloss.errors import did_you_mean

    near = did_you_mean(name, classes)
    if near:
        raise tfloss.UsageError(f"scikit-learn has no estimator called '{name}'.{near}")
