"""The few functions that a Python user starts from."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfloss.data import PreparedData, Table, leak_warning, load_dataset, prepare
from tfloss.exporting import Exported, source_of_result, source_of_run
from tfloss.exporting import export as export_source
from tfloss.formula import Node
from tfloss.objective import Objective
from tfloss.registry import Registry, load_registry
from tfloss.runs.folder import read_run
from tfloss.student import make_student
from tfloss.training.result import Result
from tfloss.training.scope import full_scope

_SPLIT = (
    *("train_fraction", "train_size", "test_size", "stratify"),
    *("scale", "bootstrap", "leak", "seed"),
)


def load_data(
    source: str | Table | tuple[Any, Any], *, registry: Registry | None = None, **options: Any
) -> PreparedData:
    """Load data, split them, and scale the features by the training rows.

    Args:
        source: a data set's name ('breast_cancer'), a file ('rows.csv'), a `tfloss.Table`, or
            arrays `(features, target)` of shapes (n, d) and (n,).
        registry: where names are looked up; everything installed unless said.
        **options: of the split: train_fraction, train_size, test_size, stratify, scale, bootstrap,
            leak, seed, see `tfloss.data.prepare`; the others go to the data set: target, weight,
            columns for a file.

    Warns:
        UserWarning: a leak was asked for.

    Raises:
        UsageError: an unknown name or option.
        DataError: data that cannot be used.
    """
    split = {name: options.pop(name) for name in _SPLIT if name in options}
    if isinstance(source, str):
        table = load_dataset(source, registry or load_registry(), **options)
    elif isinstance(source, Table):
        table = source
    else:
        features, target = source
        table = Table(features, target, **options)
    data = prepare(table, **split)
    if data.leaks:
        warnings.warn(leak_warning(data.leaks), stacklevel=2)
    return data


def bind(
    formula: str | Node,
    data: PreparedData,
    model: Any = "mlp:10,10",
    *,
    teacher: Mapping[str, str] | None = None,
    registry: Registry | None = None,
    allow_negative: bool = False,
) -> Objective:
    """Bind a formula to data and a student without training: to look at it, or to call it.

    Args:
        formula: text or tree.
        data: from `load_data`.
        model: as for `tfloss.fit`.
        teacher: the names of teachers, with a text that says what each is.
        registry: what names stand for; everything installed unless said.
        allow_negative: accept coefficients below zero.

    Raises:
        FormulaError: the formula does not fit; with the position.
    """
    registry = registry or load_registry()
    built = make_student(model, inputs=data.n_features, outputs=data.n_outputs, registry=registry)
    scope = full_scope(built, data, teacher or {})
    return Objective(formula, registry, scope, allow_negative=allow_negative)


def export(
    trained: Result | str | Path,
    path: str | Path,
    *,
    format: str | None = None,
    with_scaler: bool = False,
    probs: bool = False,
    registry: Registry | None = None,
) -> Exported:
    """Write a trained student so that it runs without tfloss; compared on real rows before.

    Args:
        trained: what `fit` returned, or the folder of a run.
        path: a new file ('student.onnx', '.keras', '.tflite'), or a new folder for 'savedmodel'.
        format: 'keras', 'savedmodel', 'onnx', 'litert'; by the ending of `path` unless said.
        with_scaler: it takes features as they stand in the data, and scales them inside.
        probs: a classifier answers with probabilities instead of logits: of the second class,
            (n, 1), for two classes; of all, (n, C), for more.
        registry: where a run's data set is looked up; everything installed unless said.

    Raises:
        UsageError: something is at `path`, or a package is not installed.
        NumericsError: what was written answers otherwise than the student; nothing is left.
        PluginError: the format cannot hold this network.
    """
    if isinstance(trained, Result):
        source = source_of_result(trained)
    else:
        source = source_of_run(read_run(Path(trained)), registry or load_registry())
    return export_source(source, path, format=format, with_scaler=with_scaler, probs=probs)
