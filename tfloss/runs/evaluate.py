"""What the student of a finished run says about rows: its own holdout's, or others'."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tfloss.data import Table, load_dataset, score
from tfloss.errors import DataError, UsageError
from tfloss.registry import Dataset, Registry
from tfloss.runs.folder import Run
from tfloss.training.config import LAYOUT
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
    """The columns that the run needs, read as it read them."""
    config = run.config
    if data == config.data:
        table = config.changed(target=target).table(registry)
    else:
        table = load_dataset(data, registry, **_reading(run, data, registry), target=target)
    return replace(table, task=run.task)  # type: ignore[arg-type]


def _reading(run: Run, data: str, registry: Registry) -> dict[str, Any]:
    """How other data are read: the run's features of a file, text where it had text.

    A file may have more columns than the run needs; a registered data set is taken as it is.
    """
    known = registry.get(Dataset, data).settings
    if "features" not in known:
        return {}
    own = run.manifest["data"]
    categories = [] if own["encoder"] is None else list(own["encoder"]["categories"])
    layout = {name: getattr(run.config, name) for name in LAYOUT if name in known}
    return {"features": list(own["features"]), "categories": categories, **layout}


def predict_file(run: Run, file: str, registry: Registry, *, ids: Sequence[str] = ()) -> str:
    """The student's predictions for the rows of a file or data set, as CSV with a header.

    Classification: `class` and `p(NAME)` for every class; regression: `prediction`.

    Args:
        run: a finished run.
        file: with the features of the run, by name.
        registry: where data sets are looked up.
        ids: columns of the file that stand in front of the predictions, as the file has them.
    """
    preprocessing = run.preprocessing()
    reading = _reading(run, file, registry)
    table = load_dataset(file, registry, **reading)
    carried = _carried(file, registry, reading, ids, len(table))
    answers = predict(run.student(), preprocessing.inputs_of(table), run.task)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    if preprocessing.classes is None:
        header = ["prediction"]
        rows = [[f"{value:.7g}" for value in row] for row in answers]
    else:
        names = preprocessing.classes.names
        header = ["class", *(f"p({name})" for name in names)]
        rows = [[names[int(row.argmax())], *(f"{value:.7g}" for value in row)] for row in answers]
    writer.writerow([*ids, *header])
    writer.writerows([*own, *row] for own, row in zip(carried, rows, strict=True))
    return stream.getvalue()


def _carried(
    file: str, registry: Registry, reading: Mapping[str, Any], ids: Sequence[str], rows: int
) -> list[tuple[str, ...]]:
    """The texts of these columns, a tuple for each row."""
    if not ids:
        return [()] * rows
    if "features" not in reading:
        raise UsageError(f"'{file}' is no file, so that no column of it can be carried (--id).")
    again = {**reading, "features": list(ids), "categories": list(ids)}
    table = load_dataset(file, registry, **again)
    columns = []
    for place, name in enumerate(ids):
        codes = table.features[:, place]
        levels = (*table.levels[name], "")
        columns.append([levels[int(c) if c == c else -1] for c in codes])
    return list(zip(*columns, strict=True))
