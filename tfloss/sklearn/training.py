"""From checked arrays to a trained network: what both estimators' `fit` do."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tfloss.data import Classes, FeatureSource, PreparedData, Scaler, Table, arrange
from tfloss.errors import UsageError, did_you_mean
from tfloss.lazy import keras
from tfloss.registry import Registry, registry_with
from tfloss.sklearn.network import Network
from tfloss.student import make_student
from tfloss.student.build import generators_kept
from tfloss.training.fit import fit
from tfloss.training.result import Result
from tfloss.training.target_units import in_target_units, link_of
from tfloss.training.teachers import names_in

_WEIGHT = "sample_weight"


def prepared(
    features: np.ndarray,
    target: np.ndarray,
    *,
    classes: Classes | None,
    weight: np.ndarray | None,
    columns: Mapping[str, Any],
    scale: str,
    name: str,
    feature_names: tuple[str, ...] = (),
) -> PreparedData:
    """All rows as training rows; those of weight 0 are left out.

    Args:
        features: (n, d) float64, finite.
        target: (n,) labels, or numbers for regression.
        classes: of the labels; None for regression.
        weight: (n,) float64, or None.
        columns: further columns that the formula names, (n,) or (n, k); NaN: missing.
        scale: see `tfloss.data.prepare`; 'standard' by the weighted mean and deviation.
        name: of the estimator, for messages.
        feature_names: of a data frame.
    """
    side_columns = dict(columns)
    kept: Any = slice(None)
    if weight is not None:
        side_columns[_WEIGHT] = (
            weight / weight[weight > 0].mean()
        )  # so that the mean loss keeps its size
        kept = weight > 0
    table = Table(
        features[kept],
        target[kept],
        feature_names,
        name=name,
        columns={key: np.asarray(column)[kept] for key, column in side_columns.items()},
        task="regression" if classes is None else "classification",
        weight=None if weight is None else _WEIGHT,
    )
    scaler = Scaler.fit(table.features, scale, table.columns.get(_WEIGHT))
    train, nothing = (
        arrange(table, rows, classes=classes, scaler=scaler, columns=list(columns))
        for rows in (None, np.empty(0, np.int64))
    )
    task = table.task or "classification"
    return PreparedData(
        train,
        nothing,
        task,
        classes,
        table.feature_names,
        scaler,
        name,
        source=FeatureSource.of(table),
    )


def refuse_unnamed(columns: Iterable[str], formula: Any, teacher: Any) -> None:
    """Refuse keywords of `fit` that neither the formula nor a teacher's column names.

    Raises:
        UsageError: `sample_weights=` for `sample_weight=`, for example.
    """
    given = list(columns)
    if not given:
        return
    named = set() if formula == "auto" else set(names_in(formula))
    several = teacher.values() if isinstance(teacher, Mapping) else teacher
    teachers = several if isinstance(teacher, (Mapping, list, tuple)) else [teacher]
    texts = [one for one in teachers if isinstance(one, str)]
    for name in given:
        if name not in named and not any(f"column:{name}" in text for text in texts):
            known = ["sample_weight", *sorted(named)]
            raise UsageError(
                f"fit got {name}=, which the formula does not name.{did_you_mean(name, known)} "
                f"Further columns go by the names that stand in the formula."
            )


def trained(estimator: Any, data: PreparedData, seed: int) -> tuple[Result, Network]:
    """The student that an estimator's parameters ask for, trained; the global state is kept."""
    given = estimator.get_params(deep=False)
    registry = registry_with(estimator.registry, estimator.losses)
    # Whatever the estimator and `fit` call alike is handed on, also what either may get later.
    options = {name: given[name] for name in inspect.signature(fit).parameters if name in given}
    with generators_kept():
        options |= {
            "formula": _formula(estimator.formula, estimator.teacher, data),
            "model": _student(estimator, data, registry, seed),
            "seed": seed,
            "registry": registry,
            "losses": (),  # in the registry
            "on_progress": None,
        }
        result = fit(data=data, **options)
    return result, Network(result.student.forward_model, data.scaler, result.student.link)


def _formula(formula: Any, teacher: Any, data: PreparedData) -> Any:
    """The formula; 'auto' is what labels and, where there is one, a teacher ask for."""
    if formula != "auto":
        return formula
    if isinstance(teacher, (list, tuple, Mapping)) and len(teacher):
        raise UsageError(
            "formula='auto' knows one teacher, given by itself; with several, or with names, write "
            "the formula, 'cross_entropy + kd(teacher=NAME)' for example."
        )
    own, taught = ("mse", "mse(teacher, prediction)")
    if data.task == "classification":
        own, taught = ("cross_entropy", "kd")
    return own if teacher is None else f"{own} + {taught}"


def _student(estimator: Any, data: PreparedData, registry: Registry, seed: int) -> Any:
    """A network of `hidden` layers, or what `model` names or makes."""
    model = estimator.model
    if model is None:
        units = ",".join(str(units) for units in np.atleast_1d(estimator.hidden))
        model = f"mlp:{units}{',' if units else ''}activation={estimator.activation}"
    elif not isinstance(model, str):
        if isinstance(model, keras.Model) or not callable(model):
            raise UsageError(
                "model is a text, 'mlp:10,10', or a function of the numbers of features and of "
                "outputs that makes a Keras model: each fit needs a new one."
            )
        keras.utils.set_random_seed(seed)
        model = model(data.n_features, data.n_outputs)
    student = make_student(
        model, inputs=data.n_features, outputs=data.n_outputs, registry=registry, seed=seed
    )
    if data.task == "regression" and estimator.scale_target:
        link = link_of(_formula(estimator.formula, estimator.teacher, data), registry)
        return in_target_units(student, data, link)
    return student
