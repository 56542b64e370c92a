"""From a teacher's name and settings to an estimator that is not fitted yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfloss.errors import (
    PluginError,
    TflossError,
    UsageError,
    did_you_mean,
    listed,
    message_of,
)
from tfloss.formula import ShortText
from tfloss.registry import Registry, Teacher
from tfloss.teachers.spec.text import TeacherSpec

# Parameters whose value is an estimator, or several; a plain word there is the name of one.
_ESTIMATOR_PARAMETERS = ("estimator", "base_estimator", "final_estimator", "classifier")
_LIST_PARAMETERS = ("estimators",)


def build_estimator(spec: TeacherSpec, registry: Registry) -> Any:
    """Make what `spec` names, with its settings.

    Settings that the factory names are given to it; the others are set on the estimator.

    Raises:
        UsageError: an unknown name or setting, or a setting that is needed and not given.
        PluginError: the factory failed.
    """
    return _build(spec.name, spec.settings, registry)


def _build(name: str, settings: Mapping[str, Any], registry: Registry) -> Any:
    declaration = registry.get(Teacher, name)
    settings = {key: _resolve(key, value, registry) for key, value in settings.items()}
    named = {key: value for key, value in settings.items() if key in declaration.settings}
    others = {key: value for key, value in settings.items() if key not in named}
    for key in sorted(declaration.signature.mandatory - set(named)):
        raise UsageError(f"The teacher '{name}' needs its setting '{key}'{_example(name, key)}.")
    try:
        estimator = declaration(**named)
    except TflossError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"The teacher '{name}'{_origin(declaration)} cannot be made: "
            f"{type(error).__name__}: {message_of(error)}; give other settings, or use "
            f"another teacher."
        ) from error
    if others:
        _set(estimator, others, name, declaration)
    return estimator


def _origin(declaration: Teacher) -> str:
    return f" of {declaration.distribution}" if declaration.distribution else ""


def _example(name: str, key: str) -> str:
    if key in _ESTIMATOR_PARAMETERS:
        return f", another teacher: '{name}:{key}=rf'"
    return f", other teachers: '{name}:{key}=[rf,lr]'" if key in _LIST_PARAMETERS else ""


def _set(estimator: Any, settings: dict[str, Any], name: str, declaration: Teacher) -> None:
    own = estimator.get_params(deep=False) if hasattr(estimator, "get_params") else {}
    deep = estimator.get_params() if own else {}
    known = {*own, *declaration.settings}
    for key in settings:
        if not declaration.open_settings or key not in deep:
            has = f"it has: {listed(known)}" if known else "it has no settings"
            raise UsageError(
                f"The teacher '{name}' has no setting '{key}'.{did_you_mean(key, {*known, *deep})} "
                f"{has[0].upper()}{has[1:]}."
            )
    estimator.set_params(**settings)


def _resolve(key: str, value: Any, registry: Registry) -> Any:
    """Make the estimators that stand inside a setting."""
    last = key.rpartition("__")[2]
    if isinstance(value, ShortText) and last not in _LIST_PARAMETERS:
        if value.values:
            raise UsageError(
                f"The teacher '{value.name}' in {key} takes its settings by name: "
                f"{value.name}(setting={value.values[0]!r})."
            )
        return _build(value.name, value.settings, registry)
    if last in _ESTIMATOR_PARAMETERS and isinstance(value, str):
        return _build(value, {}, registry)
    if last in _LIST_PARAMETERS and isinstance(value, list | tuple | str | ShortText):
        values = list(value) if isinstance(value, list | tuple) else [value]
        if not values:
            raise UsageError(f"A teacher cannot have {key}=[]; name one or more, as in [rf,lr].")
        return _named_estimators(values, registry)
    return value


def _named_estimators(values: list[Any] | tuple[Any, ...], registry: Registry) -> list[Any]:
    """scikit-learn's list of (name, estimator), numbered where a name comes twice."""
    named: list[tuple[str, Any]] = []
    for value in values:
        name = value.name if isinstance(value, ShortText) else str(value)
        taken = sum(other.rstrip("0123456789_") == name for other, _ in named)
        estimator = _resolve("estimator", value, registry)
        named.append((f"{name}_{taken + 1}" if taken else name, estimator))
    return named
