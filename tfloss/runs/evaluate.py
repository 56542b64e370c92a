"""What the student of a finished run says about rows: its own holdout's, or others'."""

from __future__ import annotations

import csv
import io

import numpy as np

from tfloss.data import PreparedData, Table, load_dataset, score
from tfloss.errors import DataError
from tfloss.registry import Registry
from tfloss.runs.folder import Run
from tfloss.training.scores import predict


def score_run(
    run: Run, registry: Registry, *, data: str | None = None, target: str | None = None
) -> dict[str, dict[str, float]]:
    """Every metric of the run's student, by the name of the rows.

    Args:
        run: a finished run.
        registry: where data sets and metrics are looked up.
        data: other data; unless said, the run's own, of which the holdout is scored.
        target: the file's column to predict.

    Raises:
        DataError: other features or classes than the run was trained on, or no labels.
    """
    own = data is None
    table = _table(run, data or run.config.data, target or run.config.target, registry)
    preprocessing = run.preprocessing()
    rows = run.rows["holdout"] if own else None
    if own and (rows is None or not len(rows) or rows.max() >= len(table)):
        raise DataError(
            f"The run '{run.folder}' has no holdout in its data any more; name data with --data."
        )
    part = preprocessing.arrange(table, rows)
    if not part.labelled.any():
        raise DataError(f"'{table.name}' has no labels to score against; name them with --target.")
    answers = predict(run.student(), part.inputs, run.task)
    title = f"{len(part)} rows of {'the holdout of ' if own else ''}{table.name}"
    return {title: score(answers, part, preprocessing, registry)}


def _table(run: Run, data: str, target: str | None, registry: Registry) -> Table:
    config = run.config
    if data == config.data:
        table = config.changed(target=target).table(registry)
    else:
        table = load_dataset(data, registry, target=target)
    return Table(
        table.features,
        table.target,
        table.feature_names,
        table.name,
        table.columns,
        run.task,  # type: ignore[arg-type]
        weight=table.weight,
    )


def predict_file(run: Run, file: str, registry: Registry) -> str:
    """The student's answers for the rows of a file or data set, as CSV with a header.

    Classification: `class` and `p(NAME)` for every class; regression: `prediction`.
    """
    preprocessing = run.preprocessing()
    table = load_dataset(file, registry, columns=_wanted(file, run))
    answers = predict(run.student(), _inputs(preprocessing, table), run.task)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    if preprocessing.classes is None:
        writer.writerow(["prediction"])
        writer.writerows([f"{value:.7g}"] for value in answers[:, 0])
    else:
        names = preprocessing.classes.names
        writer.writerow(["class", *(f"p({name})" for name in names)])
        for row in answers:
            writer.writerow([names[int(row.argmax())], *(f"{value:.7g}" for value in row)])
    return stream.getvalue()


def _wanted(file: str, run: Run) -> tuple[str, ...] | None:
    """A file may have more columns than the run needs; a registered data set is taken as it is."""
    return tuple(run.manifest["data"]["features"]) if "." in file else None


def _inputs(preprocessing: PreparedData, table: Table) -> np.ndarray:
    table = table.with_features(preprocessing.feature_names)
    features = table.features
    if preprocessing.scaler is not None:
        features = preprocessing.scaler.transform(features)
    return features.astype(np.float32)
