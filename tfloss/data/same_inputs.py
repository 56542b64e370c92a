"""Splits of one table with the same inputs, though other training rows encoded them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tfloss.data.columns import Columns
from tfloss.data.prepared import PreparedData


def with_same_inputs(splits: Sequence[PreparedData]) -> list[PreparedData]:
    """The splits with the encoded columns that any of them has, by name, in one order.

    A category that one split's training rows do not have, or a gap, is a column of zeros there. It
    changes nothing but the number of the student's inputs. Splits that agree stay as they are.
    """
    union = list(dict.fromkeys(name for split in splits for name in split.feature_names))
    if all(split.feature_names == tuple(union) for split in splits):
        return list(splits)
    return [_with_columns(split, tuple(union)) for split in splits]


def _with_columns(data: PreparedData, names: tuple[str, ...]) -> PreparedData:
    place = {name: at for at, name in enumerate(names)}
    places = [place[name] for name in data.feature_names]

    def spread(part: Columns) -> Columns:
        inputs = np.zeros((len(part), len(names)), np.float32)
        inputs[:, places] = part.inputs
        return replace(part, values={**part.values, "inputs": inputs})

    return replace(
        data, train=spread(data.train), holdout=spread(data.holdout), feature_names=names
    )
