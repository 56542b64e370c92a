"""Data frames that hold more than numbers: text, dates, categories and gaps, as tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfloss.data import Encoder, Table
from tfloss.data.frames import as_array, category_columns, columns_of_frame, is_frame


def needs_encoding(features: Any) -> bool:
    """Whether it is a data frame with a column that is not of numbers, or has gaps."""
    if not is_frame(features) or not hasattr(features, "columns"):
        return False
    columns = (as_array(features[name]) for name in features.columns)
    return bool(category_columns(features)) or not all(map(_numbers, columns))


def _numbers(column: np.ndarray) -> bool:
    kind = column.dtype.kind
    return kind in "biu" or (kind == "f" and not np.isnan(column).any())


def as_table(features: Any, name: str) -> Table:
    """A data frame as a table without a target.

    Raises:
        DataError: columns of several kinds, or infinity; with the first cell at fault.
    """
    return Table(features, None, name=name)


def as_encoded(features: Any, encoder: Encoder, names: tuple[str, ...], name: str) -> Table:
    """Rows as the encoder knows them: its columns of a data frame, or of an array.

    Args:
        features: as many columns as `fit` had, in its order.
        encoder: fitted by `fit`.
        names: of the columns that `fit` had.
        name: of the estimator, for messages.

    Raises:
        DataError: as for `as_table`.
    """
    if is_frame(features):
        columns = columns_of_frame(features)
    else:
        columns = dict(zip(names, np.asarray(features, dtype=object).T, strict=True))
    own = {one: columns[one] for one in encoder.names}
    return Table(own, None, name=name, categories=encoder.texts)
