"""The few functions that a Python user starts from."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tfloss.data import (
    PreparedData,
    Table,
    choose_features,
    leak_warning,
    load_dataset,
    prepare,
    table_from,
)
from tfloss.exporting import Exported, source_of_result, source_of_run
from tfloss.exporting import export as export_source
from tfloss.formula import Node, as_node, to_text
from tfloss.objective import Objective
from tfloss.registry import Declaration, Registry, registry_with
from tfloss.runs.evaluate import score_run
from tfloss.runs.folder import Run, read_run
from tfloss.runs.train import objective_of
from tfloss.student import make_student, with_networks
from tfloss.training.config import SPLIT, Config
from tfloss.training.preflight import check
from tfloss.training.result import Result
from tfloss.training.scope import full_scope
from tfloss.training.target_units import link_of


def load_data(source: Any, *, registry: Registry | None = None, **options: Any) -> PreparedData:
    """Load data, split them, and encode and scale the features by the training rows.

    Args:
        source: a data set's name ('breast_cancer'), a file ('rows.csv'), a `tfloss.Table`, a data
            frame with the target among its columns (`target="species"`), or `(features, target)`:
            arrays of shapes (n, d) and (n,), or a data frame and its target.
        registry: where names are looked up; default: everything installed.
        **options: of the split: train_fraction, train_size, test_size, stratify, scale, bootstrap,
            leak, embed, seed, see `tfloss.data.prepare`; of the features: features, drop,
            categories, and task; the others go to the data set: target, weight, columns for a
            file, and separator, encoding, header, decimal for one of text.

    Warns:
        UserWarning: a leak was asked for.

    Raises:
        UsageError: an unknown name or option.
        DataError: data that cannot be used.

    Example:
        >>> data = tfloss.load_data("breast_cancer", train_fraction=0.8, seed=1)
        >>> data = tfloss.load_data((features, target), scale="robust")
    """
    split = {name: options.pop(name) for name in (*SPLIT, "seed") if name in options}
    if isinstance(source, (str, Path)):
        table = load_dataset(str(source), registry_with(registry), **options)
    elif isinstance(source, Table):
        table = choose_features(source, **options)
    else:
        table = table_from(source, **options)
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
    losses: Iterable[Declaration] = (),
    networks: Mapping[str, Any] | None = None,
    registry: Registry | None = None,
    allow_negative: bool = False,
) -> Objective:
    """Bind a formula to data and a student without training: to look at it, or to call it.

    Args:
        formula: text or tree.
        data: from `load_data`.
        model: as for `tfloss.fit`.
        teacher: the names of teachers, with a text that says what each is.
        losses: declared with `@tfloss.loss` in your program, for this call only.
        networks: frozen networks that the formula calls, by name; as for `tfloss.fit`.
        registry: what names stand for; default: everything installed.
        allow_negative: accept coefficients below zero.

    Raises:
        FormulaError: the formula does not fit; with the position.

    Example:
        >>> objective = tfloss.bind("bce + 1e-3*l2('*/kernel')", data)
        >>> objective.needs
    """
    registry = with_networks(registry_with(registry, losses), networks)
    built = make_student(
        model,
        inputs=data.n_features,
        outputs=data.n_outputs,
        registry=registry,
        embeddings=data.embeddings,
    )
    scope = full_scope(built, data, teacher or {}, link=link_of(formula, registry))
    return Objective(formula, registry, scope, allow_negative=allow_negative)


def explain(
    formula: str | Node,
    data: str = "breast_cancer",
    model: str = "mlp:10,10",
    *,
    teacher: str | Iterable[str] = (),
    losses: Iterable[Declaration] = (),
    networks: Mapping[str, Any] | None = None,
    registry: Registry | None = None,
    **options: Any,
) -> Objective:
    """What a formula means for data, a model and teachers by name; nothing is fitted or trained.

    Args:
        formula: text or tree.
        data: a data set's name, or a file.
        model: 'mlp:10,10', 'package.module:factory', 'file.keras'.
        teacher: 'gpc', or several: `["soft=gpc", "hard=rf"]`.
        losses: declared with `@tfloss.loss` in your program, for this call only.
        networks: frozen networks that the formula calls, by name; as for `tfloss.fit`.
        registry: what names stand for; default: everything installed.
        **options: of `tfloss train`, by the names of `tfloss.training.config.Config`: target,
            columns, weight, train_size, allow_negative, ….

    Returns:
        the objective; `print` shows its terms and which tensors each loss gets.

    Raises:
        FormulaError: the formula does not fit; with the position.
        UsageError: a name or an option that does not exist.
        DataError: data that cannot be used.

    Example:
        >>> print(tfloss.explain("bce + 0.1*abs_kl", teacher="gpc"))
    """
    named = [teacher] if isinstance(teacher, str) else list(teacher)
    values = {"formula": to_text(as_node(formula)), "data": data, "model": model, **options}
    config = Config.from_mapping({**values, "teacher": named}, origin="tfloss.explain")
    registry = with_networks(registry_with(registry, losses), networks)
    check(config, registry)
    return objective_of(config, registry)


def evaluate(
    run: str | Path | Run,
    data: str | None = None,
    *,
    target: str | None = None,
    registry: Registry | None = None,
) -> dict[str, dict[str, float]]:
    """Score the student of a finished run, on its own holdout or on other data.

    Args:
        run: a run's folder, or what `tfloss.read_run` returned.
        data: a data set's name or a file; default: the holdout that the run kept.
        target: the file's column to predict; default: the run's.
        registry: where data sets and metrics are looked up; default: everything installed.

    Returns:
        metrics by name, by a title that says which rows were scored.

    Warns:
        UserWarning: rows that are scored trained the student, or the run's file is another today.

    Raises:
        UsageError: not the folder of a finished run.
        DataError: other features or classes than the run was trained on, or no labels.

    Example:
        >>> tfloss.evaluate("runs/breast_cancer-1", "new_rows.csv")
    """
    run = run if isinstance(run, Run) else read_run(run)
    return score_run(run, registry_with(registry), data=data, target=target, on_note=warnings.warn)


def export(
    trained: Result | str | Path,
    path: str | Path,
    *,
    format: str | None = None,
    with_scaler: bool = False,
    probs: bool = False,
) -> Exported:
    """Write a trained student so that it runs without tfloss; compared on real rows before.

    Args:
        trained: what `fit` returned, or the folder of a run.
        path: a new file ('student.onnx', '.keras', '.tflite'), or a new folder for 'savedmodel'.
        format: 'keras', 'savedmodel', 'onnx', 'litert'; default: by the ending of `path`.
        with_scaler: it takes features as they stand in the data, and scales them inside.
        probs: a classifier answers with probabilities instead of logits: of the second class,
            (n, 1), for two classes; of all, (n, C), for more.

    Raises:
        UsageError: something is at `path`, or a package is not installed.
        NumericsError: what was written answers otherwise than the student; nothing is left.
        PluginError: the format cannot hold this network.

    Example:
        >>> tfloss.export(result, "student.onnx", with_scaler=True, probs=True)
    """
    if isinstance(trained, Result):
        source = source_of_result(trained)
    else:
        source = source_of_run(read_run(trained))
    return export_source(source, path, format=format, with_scaler=with_scaler, probs=probs)
