"""`tfloss.compare` and `tfloss.search`: the two functions that a Python user starts from."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from tfloss.comparison.comparison import Comparison, default_evaluate_every, parse_reach
from tfloss.comparison.result import ComparisonResult
from tfloss.comparison.run import run_comparison
from tfloss.data import Table, leak_warning, table_from
from tfloss.errors import UsageError, did_you_mean, listed
from tfloss.formula import Node
from tfloss.io.atomic import new_folder
from tfloss.registry import Declaration, Registry, registry_with
from tfloss.student import with_networks
from tfloss.training.config import Config

Formula = str | Node
Rows = str | Path | Table | tuple[Any, Any]


def compare(
    formulas: Formula | Sequence[Formula],
    data: Rows = "breast_cancer",
    model: str = "mlp:10,10",
    *,
    teacher: str | Sequence[str] = (),
    seeds: int = 200,
    baseline: Formula | None = None,
    reach: Sequence[str] = (),
    at: Sequence[int] = (),
    runs: str | Path | None = None,
    cache: str | Path | None = None,
    losses: Iterable[Declaration] = (),
    networks: Mapping[str, Any] | None = None,
    registry: Registry | None = None,
    **training: Any,
) -> ComparisonResult:
    """Train every formula on the same seeds, and say which differ, and how surely.

        result = tfloss.compare(["bce", "bce + 0.1*abs_kl"], teacher="gpc", train_size=5, seeds=50)
        print(result)

    Args:
        formulas: one or several; a range in braces is written out ('bce + {0.1, 1}*kl').
        data: a data set's name, a file, a `tfloss.Table`, or arrays `(features, target)`.
        model: the student, 'mlp:10,10', 'package.module:factory', 'file.keras'.
        teacher: 'gpc', 'soft=rf:n_estimators=50', or several; fitted for every seed.
        seeds: trainings of each formula, each with its own split, weights and order of rows.
        baseline: what the others are compared with; default: the first formula.
        reach: goals whose steps are counted, 'accuracy=0.9'.
        at: epochs at which statistics are made, in addition to the last.
        runs: where a new folder goes, as `tfloss compare` writes it; None: nothing is written.
        cache: a folder in which teachers' predictions are kept.
        losses: declared with `@tfloss.loss` in your program, for this call only.
        networks: frozen networks that the formula calls, by name; as for `tfloss.fit`.
        registry: what names stand for; default: everything installed.
        **training: what `tfloss.training.config.Config` holds: `optimizer`, `epochs`,
            `batch_size`, `train_size`, `seed`, `on_nan`, ….

    Returns:
        print it; `result.rows()` are the metrics of every seed, `result.tables` the statistics.

    Raises:
        UsageError: what cannot be, in one sentence, before TensorFlow is imported.
        FormulaError: a formula that does not fit the student or the data.
        DataError, PluginError: as for a training alone.
    """
    registry = with_networks(registry_with(registry, losses), networks)
    source, table = _source(data)
    values = _training(training, data=source, model=model, teacher=teacher)
    values.setdefault("evaluate_every", default_evaluate_every(values.get("epochs", Config.epochs)))
    texts = [formulas] if isinstance(formulas, (str, Node)) else list(formulas)
    if not texts:
        raise UsageError("No formula was given to tfloss.compare.")
    written = [str(text) for text in texts]
    comparison = Comparison.of(
        written,
        Config.from_mapping({**values, "formula": written[0]}, origin="tfloss.compare"),
        baseline=None if baseline is None else str(baseline),
        seeds=seeds,
        reach=tuple(map(parse_reach, reach)),
        at=tuple(at),
    )
    comparison.check(registry, table)
    _warn_of_leaks(comparison.config)
    result = run_comparison(
        comparison,
        registry,
        None if runs is None else Path(runs),
        cache=None if cache is None else Path(cache),
        table=table,
    )
    assert result is not None  # as at a worker that is not the chief
    return result


def search(
    formula: Formula,
    data: Rows = "breast_cancer",
    model: str = "mlp:10,10",
    *,
    teacher: str | Sequence[str] = (),
    trials: int = 50,
    seeds: int = 20,
    confirm: int = 100,
    metric: str = "log_loss",
    baseline: Formula | None = None,
    share: float = 0.5,
    runs: str | Path | None = None,
    losses: Iterable[Declaration] = (),
    networks: Mapping[str, Any] | None = None,
    registry: Registry | None = None,
    **training: Any,
) -> ComparisonResult:
    """Search for coefficients and settings, and confirm the best on rows that no trial saw.

        result = tfloss.search("bce + {0.01..10:log}*abs_kl", teacher="gpc", train_size=5)

    Args:
        formula: with ranges in braces: `{0..1}`, `{0.01..10:log}`, `{1, 2, 4}`; `{}` in a setting
            is the range that it declares.
        data: a data set's name, a file, a `tfloss.Table`, or arrays `(features, target)`.
        model: the student.
        teacher: specifications of teachers, fitted for every seed.
        trials: how many in all.
        seeds: trainings of each trial.
        confirm: trainings of the best and of the baseline, on the rows that were put away.
        metric: what is made better.
        baseline: what the best is compared with; default: every range at its middle.
        share: of the rows that are searched on.
        runs: where a new folder goes, as `tfloss search` writes it; None: nothing is kept.
        losses: declared with `@tfloss.loss` in your program, for this call only.
        networks: frozen networks that the formula calls, by name; as for `tfloss.fit`.
        registry: what names stand for; default: everything installed.
        **training: as for `compare`; `optimizer` may have ranges too.

    Returns:
        the comparison of the best with the baseline; `result.values["search"]` says what was found.

    Raises:
        UsageError: what cannot be, in one sentence, before TensorFlow is imported; or optuna is
            not installed.
        DataError, PluginError: as for a training alone.
    """
    from tfloss.comparison.search.search import run_search
    from tfloss.comparison.search.study import Plan, check_plan, write_plan

    registry = with_networks(registry_with(registry, losses), networks)
    source, table = _source(data)
    values = _training(training, data=source, model=model, teacher=teacher)
    plan = Plan.of(
        str(formula),
        values,
        registry,
        baseline=None if baseline is None else str(baseline),
        metric=metric,
        seeds=seeds,
        confirm=confirm,
        share=share,
    )
    check_plan(plan, registry, table)
    _warn_of_leaks(plan.static)
    with tempfile.TemporaryDirectory() as temporary:
        folder = new_folder(Path(temporary if runs is None else runs), "search")
        write_plan(folder, plan)
        result = run_search(plan, folder, trials, registry, table=table)
    assert result is not None  # as at a worker that is not the chief
    return result if runs is not None else result.without_folder()


def _source(data: Rows) -> tuple[str, Table | None]:
    """What stands in the configuration, and the rows themselves where they are in memory."""
    if isinstance(data, (str, Path)):
        return str(data), None
    table = data if isinstance(data, Table) else table_from(data)
    return table.name, table


def _training(training: dict[str, Any], **named: Any) -> dict[str, Any]:
    """The options of a training as a configuration has them.

    Raises:
        UsageError: an option that there is not.
    """
    known = {field.name for field in fields(Config)} - {"formula"}
    for name in training:
        if name not in known:
            raise UsageError(
                f"There is no option '{name}'.{did_you_mean(name, known)} Known: {listed(known)}."
            )
    values = {**training, **named}
    weights = values.get("class_weight")
    if isinstance(weights, Mapping):
        values["class_weight"] = tuple(f"{label}={weight}" for label, weight in weights.items())
    texts = ("teacher", "columns", "leak", "features", "drop", "categories", "embed")
    for name in (*texts, "class_weight"):
        if isinstance(values.get(name), str):
            values[name] = (values[name],)
    return values


def _warn_of_leaks(config: Config) -> None:
    if config.leak:
        warnings.warn(leak_warning(config.leak), stacklevel=3)
