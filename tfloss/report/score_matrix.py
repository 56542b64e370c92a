"""The scores of one training, or of several on the same data, as one table of a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tfloss.report.comparison import number_text

Block = tuple[str, dict[str, dict[str, Any]]]  # title, and metrics by name by rows

_SIDES = ("own rows", "out of fold", "holdout")  # of a teacher


def score_matrix(results: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One training, or several: a row for each metric, columns for each student and teacher."""
    for table in results["tables"]:
        blocks = [*_student_blocks(results, table), *_teacher_blocks(results)]
        signs = {"higher": "higher is better", "lower": "lower is better", None: ""}
        rows = []
        for name, metric in results["metrics"].items():
            if not any(row["metric"] == name for row in table["rows"]):
                continue
            values = [column.get(name) for _, columns in blocks for column in columns.values()]
            hint = signs[metric["better"]]
            label = f"{metric['label']} ({hint})" if hint else metric["label"]
            rows.append((label, "", [_plain(value) for value in values]))
        if rows:
            yield {
                "title": f"Scores, step {table['step']}",
                "caption": "",
                "heads": [("", 1), *((title, len(columns)) for title, columns in blocks)],
                "columns": ["metric", *(side for _, columns in blocks for side in columns)],
                "groups": [{"label": "", "hint": "", "rows": rows}],
            }


def _student_blocks(results: Mapping[str, Any], table: Mapping[str, Any]) -> Iterator[Block]:
    labels = list(dict.fromkeys(row["formula"] for row in table["rows"]))
    for label in labels:
        own = [row for row in table["rows"] if row["formula"] == label]
        columns = {"holdout": {row["metric"]: row["mean"] for row in own}}
        if len(labels) == 1 and any(row.get("train") for row in own):
            columns = {"training rows": {row["metric"]: row["train"] for row in own}, **columns}
        yield ("student" if len(labels) == 1 else label), columns


def _teacher_blocks(results: Mapping[str, Any]) -> Iterator[Block]:
    """How good each teacher is, where that is known also on rows that it was fitted on."""
    for alias, teacher in results["teachers"].items():
        sides = results.get("trust", {}).get(alias) or {}
        columns = {
            side: {name: {"mean": value} for name, value in sides[side].items()}
            for side in _SIDES
            if sides.get(side)
        }
        columns.setdefault("holdout", teacher["metrics"])
        yield f"{alias}: {teacher['text']}", columns


def _plain(value: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"text": "" if value is None else number_text(value["mean"]), "subs": [], "kind": ""}
