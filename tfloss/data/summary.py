"""What was understood of data: rows, features by kind, classes, what was filled and left out."""

from __future__ import annotations

from collections import Counter

import numpy as np

from tfloss.data.blocks import row_blocks
from tfloss.data.encoder import Encoder
from tfloss.data.kinds import BOOLEAN, CATEGORY, DATE, NUMBER
from tfloss.data.prepared import PreparedData

_SHOWN = 12  # names in a line
_PLURALS = {
    NUMBER: ("number", "numbers"),
    BOOLEAN: ("boolean", "booleans"),
    DATE: ("date, in days", "dates, in days"),
    CATEGORY: ("category", "categories"),
}


def understood(data: PreparedData) -> list[tuple[str, str]]:
    """Lines of a table, ('rows', '512 train, 57 are held out'), …; for a person to check."""
    lines = [("rows", f"{len(data.train)} train, {len(data.holdout)} are held out")]
    lines.append(("features", _features(data)))
    if data.encoder is not None:
        lines += _encoded(data, data.encoder)
    lines.append(("task", "several labels" if data.multilabel else data.task))
    lines.append(_target(data))
    if data.train.class_weight is not None and data.classes is not None:
        codes, first = np.unique(data.train.codes, return_index=True)
        found = dict(zip(codes.tolist(), data.train.class_weight[first].tolist(), strict=True))
        weights = [f"{n} {found[c]:g}" for c, n in enumerate(data.classes.names) if c in found]
        lines.append(("class weights", _some(weights)))
    unlabelled = len(data.train) - int(data.train.labelled.sum())
    if unlabelled:
        lines.append(("without a label", f"{unlabelled} rows, for terms that need none"))
    if data.source is not None:
        lines += [("note", note) for note in data.source.notes]
    return lines


def _features(data: PreparedData) -> str:
    kinds = Counter() if data.source is None else Counter(data.source.kinds.values())
    if not kinds:
        return f"{data.n_features}"
    parts = [f"{kinds[kind]} {_PLURALS[kind][kinds[kind] > 1]}" for kind in _PLURALS if kinds[kind]]
    scaled = "as they are" if data.scaler is None else f"scaled ({data.scaler.kind})"
    inputs = "" if data.encoder is None else f", {data.n_features} inputs of the student"
    return f"{', '.join(parts)}; numbers are {scaled}{inputs}"


def _encoded(data: PreparedData, encoder: Encoder) -> list[tuple[str, str]]:
    lines = []
    gaps = _gaps(data)
    filled = [
        f"{name} ({gaps[name]} by {fill:g}{', marked' if name in encoder.gaps else ''})"
        for name, fill in encoder.fill.items()
        if gaps.get(name)
    ]
    if filled:
        lines.append(("gaps filled", _some(filled)))
    spread = [
        f"{name} ({len(one.levels)} columns{', one more for what is rare' if one.rare else ''})"
        for name, one in encoder.categories.items()
    ]
    if spread:
        lines.append(("categories", _some(spread)))
    vectors = [
        f"{one.name} (a vector of {one.units} for each of {one.vectors - 1} values, and one for "
        f"all others)"
        for one in data.embeddings
    ]
    if vectors:
        lines.append(("embedded", _some(vectors)))
    lines += [("left out", f"'{name}' {why}") for name, why in encoder.left_out.items()]
    return lines


def _gaps(data: PreparedData) -> dict[str, int]:
    """By feature, how many rows have none."""
    parts = [part.features for part in (data.train, data.holdout) if part.features is not None]
    if data.source is None or not parts:
        return {}
    counts = sum(
        np.isnan(part[block]).sum(axis=0) for part in parts for block in row_blocks(*part.shape)
    )
    return dict(zip(data.source.names, np.atleast_1d(counts).tolist(), strict=True))


def _target(data: PreparedData) -> tuple[str, str]:
    if data.classes is not None:
        codes = np.concatenate([data.train.codes, data.holdout.codes])
        counts = np.bincount(codes[codes >= 0], minlength=len(data.classes))
        rows = [f"{n} {c}" for n, c in zip(data.classes.names, counts.tolist(), strict=True)]
        return f"{len(data.classes)} classes", _some(rows)
    labels = data.train.labels[data.train.labelled]
    if not data.target_names:
        return "target", _quantity(labels)
    each = zip(data.target_names, labels.T, strict=True)
    if data.multilabel:
        return f"{len(data.target_names)} labels", _some([f"{n} {v.mean():.1%}" for n, v in each])
    said = [f"{name}: {_quantity(values)}" for name, values in each]
    return f"{len(data.target_names)} targets", "; ".join(said[:_SHOWN])


def _quantity(values: np.ndarray) -> str:
    return (
        f"{values.min():g} to {values.max():g}, mean {values.mean():g}, deviation {values.std():g}"
    )


def _some(names: list[str]) -> str:
    more = f", and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
