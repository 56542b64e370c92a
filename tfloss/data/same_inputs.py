"""Splits of one table with the same inputs, though other training rows encoded them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tfloss.data.columns import Columns
from tfloss.data.prepared import PreparedData
from tfloss.errors import DataError


def with_same_inputs(splits: Sequence[PreparedData]) -> list[PreparedData]:
    """The splits with the encoded columns that any of them has, by name, in one order.

    A category that one split's training rows do not have, or a gap, is a column of zeros there. It
    changes nothing but the number of the student's inputs. Of embedded columns all students have as
    many vectors as the largest needs. Splits that agree stay as they are.

    Raises:
        DataError: a column is embedded in some splits only.
    """
    every = [{one.name: one for one in split.embeddings} for split in splits]
    largest = {name: max(own.get(name, one) for own in every) for name, one in every[0].items()}
    for own in every:
        for name in own.keys() ^ largest.keys():
            raise DataError(
                f"'{name}' of '{splits[0].name}' is embedded for some seeds and not for others, "
                f"whose training rows have fewer values; name the columns that are embedded "
                f"(embed={name!r})."
            )
    union = list(dict.fromkeys(name for split in splits for name in split.feature_names))
    union = [*(name for name in union if name not in largest), *largest]  # positions come last
    same = all(split.feature_names == tuple(union) for split in splits)
    if same and all(split.embeddings == tuple(largest.values()) for split in splits):
        return list(splits)
    return [
        replace(_with_columns(split, tuple(union)), embeddings=tuple(largest.values()))
        for split in splits
    ]


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
