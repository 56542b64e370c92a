"""The predictions of a finished run's student: for its own holdout, or for other rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tfloss.data import Columns, Table, load_dataset, score
from tfloss.errors import DataError, UsageError
from tfloss.io.csv_cells import csv_text, inert_cell
from tfloss.registry import Dataset, Registry
from tfloss.runs.folder import Run
from tfloss.runs.kept_rows import file_digest, holdout_digest
from tfloss.training.config import LAYOUT
from tfloss.training.scores import predict


def score_run(
    run: Run,
    registry: Registry,
    *,
    data: str | None = None,
    target: str | None = None,
    on_note: Callable[[str], object] | None = None,
) -> dict[str, dict[str, float]]:
    """Every metric of the run's student, by the name of the rows.

    Args:
        run: a finished run.
        registry: where data sets and metrics are looked up.
        data: other data; default: the holdout that the run kept, for which its data are not needed.
        target: the file's column to predict; default: the run's.
        on_note: called with a sentence about what makes a figure less than it seems: rows that
            trained, a file that is another one today.

    Raises:
        DataError: other features or classes than the run was trained on, or no labels.
    """
    preprocessing, on_note = run.preprocessing(), on_note or _drop
    own = data is None and target is None
    kept = run.kept_rows()
    if own and kept.holdout is not None:
        name, part = run.manifest["data"]["name"], kept.holdout
        if _is_another_file(run):
            on_note(
                f"'{run.config.data}' is not the file that '{run.folder}' was trained on (its "
                f"SHA-256 differs); scored are the held-out rows that the run kept."
            )
    else:
        table = _table(run, data or run.config.data, target or run.config.target, registry)
        name, rows = table.name, None if data else _rows_there(run, table)
        part = preprocessing.arrange(table, rows)
        if data is None:
            _refuse_another_holdout(run, part)
        elif trained := kept.how_many_trained(part.inputs):
            on_note(
                f"{trained} of the {len(part)} rows of '{name}' trained this student; figures on "
                f"rows that trained say little about others."
            )
    if not part.labelled.any():
        raise DataError(f"'{name}' has no labels to score against; name them with --target.")
    answers = predict(run.student(), part.inputs, run.task)
    title = f"{len(part)} rows of {'' if data else 'the holdout of '}{name}"
    return {title: score(answers, part, preprocessing, registry)}


def _drop(sentence: str) -> None:
    """Where nobody asks for notes."""


def _is_another_file(run: Run) -> bool:
    recorded = run.manifest["data"]["file_sha256"]
    return file_digest(run.config.data) not in (None, recorded) and recorded is not None


def _rows_there(run: Run, table: Table) -> np.ndarray:
    rows = run.rows["holdout"]
    if not len(rows) or rows.max() >= len(table):
        raise DataError(
            f"The run '{run.folder}' has no holdout in its data any more; name data with --data."
        )
    return rows


def _refuse_another_holdout(run: Run, part: Columns) -> None:
    """Raise DataError where the rows in the holdout's places are other rows."""
    recorded = run.kept_rows().holdout
    if recorded is not None:
        same = np.array_equal(recorded.inputs, part.inputs)
    else:
        same = holdout_digest(part) == run.manifest["data"]["holdout_sha256"]
    if not same:
        raise DataError(
            f"'{run.config.data}' is not what '{run.folder}' was trained on: other rows stand "
            f"where its holdout stood; restore the data, or name others with --data."
        )


def _table(run: Run, data: str, target: str | None, registry: Registry) -> Table:
    """The columns that the run needs, read as it read them; others are passed over."""
    reading = _reading(run, data, registry)
    if data == run.config.data and run.config.weight is not None:
        reading["weight"] = run.config.weight
    table = load_dataset(data, registry, **reading, target=target)
    return replace(table, task=run.task)  # type: ignore[arg-type]


def _reading(run: Run, data: str, registry: Registry) -> dict[str, Any]:
    """How other data are read: the run's features of a file, text where it had text.

    A file may have more columns than the run needs; a registered data set is taken as it is.
    """
    known = registry.get(Dataset, data).settings
    if "features" not in known:
        return {}
    own = run.manifest["data"]
    encoder = run.preprocessing().encoder
    categories = [] if encoder is None else list(encoder.texts)
    layout = {name: getattr(run.config, name) for name in LAYOUT if name in known}
    return {"features": list(own["features"]), "categories": categories, **layout}


def predict_file(
    run: Run,
    file: str,
    registry: Registry,
    *,
    ids: Sequence[str] = (),
    on_note: Callable[[str], object] | None = None,
) -> str:
    """The student's predictions for the rows of a file or data set, as CSV with a header.

    Classification: `class` and `p(NAME)` for every class; regression: `prediction`. Text that a
    spreadsheet would compute has an apostrophe in front, see `tfloss.io.csv_cells`.

    Args:
        run: a finished run.
        file: with the features of the run, by name.
        registry: where data sets are looked up.
        ids: columns of the file that stand in front of the predictions, as the file has them.
        on_note: called with a sentence where a cell has got an apostrophe.
    """
    preprocessing = run.preprocessing()
    reading = _reading(run, file, registry)
    table = load_dataset(file, registry, **reading)
    carried = _carried(file, registry, reading, ids, len(table))
    answers = predict(run.student(), preprocessing.inputs_of(table), run.task)
    if preprocessing.classes is None:
        names = preprocessing.target_names
        header = [f"prediction({name})" for name in names] if names else ["prediction"]
        rows = [[f"{value:.7g}" for value in row] for row in answers]
    else:
        names = preprocessing.classes.names
        header = ["class", *(f"p({name})" for name in names)]
        rows = [[names[int(row.argmax())], *(f"{value:.7g}" for value in row)] for row in answers]
    lines = [[*ids, *header], *([*own, *row] for own, row in zip(carried, rows, strict=True))]
    computed = [cell for line in lines for cell in line if cell != inert_cell(cell)]
    if computed and on_note is not None:
        on_note(
            f"A spreadsheet would compute {len(computed)} of the texts, '{computed[0][:40]}' for "
            f"example; they are written with an apostrophe in front."
        )
    return csv_text(lines)


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
