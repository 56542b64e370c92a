"""How a teacher sees rows: scaled as the student does, unscaled, or as a frame of the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from tfloss.data import Columns, Encoder, FeatureSource, PreparedData, Scaler
from tfloss.data.kinds import BOOLEAN, CATEGORY, DATE
from tfloss.errors import UsageError

SCALED, UNSCALED, FRAME = "scaled", "unscaled", "frame"


@dataclass(frozen=True, eq=False)
class View:
    """What an estimator is given for some rows.

    Attributes:
        kind: 'scaled': what the student gets. 'unscaled': encoded, and not scaled. 'frame': a
            pandas data frame with the features as they stand in the data, by name.
        scaler, encoder, source: of the data; see `tfloss.data.PreparedData`.
        names: of a frame, its columns; default: all features of the data.
        sparse: whether the estimator takes scipy's sparse rows; else it gets them dense.
        positions: whether embedded columns stay positions, as a student of that encoder has them.
    """

    kind: str
    scaler: Scaler | None = None
    encoder: Encoder | None = None
    source: FeatureSource | None = None
    names: tuple[str, ...] = ()
    sparse: bool = False
    positions: bool = False

    @property
    def identity(self) -> Any:
        """All that what is shown depends on, besides the rows."""
        encoder = None if self.encoder is None else self.encoder.to_values()
        source = None if self.source is None else (self.source.names, dict(self.source.levels))
        return self.kind, self.names, encoder, source, self.sparse, self.positions

    def rows(self, part: Columns) -> np.ndarray:
        """A part's rows as numbers, of which any can be taken before they are shown."""
        if self.kind == SCALED:
            return self._spread(part.inputs)
        if part.features is None or self.source is None:
            if self.kind == FRAME and self.encoder is not None:
                raise UsageError(
                    "The teacher needs the features as they stand in the data; give it what "
                    "`PreparedData.arrange` makes of a table."
                )
            inputs = np.asarray(part.inputs, np.float64)
            return self._spread(inputs if self.scaler is None else self.scaler.restore(inputs))
        if self.kind == FRAME or self.encoder is None:
            return part.features
        source = self.source
        places = [source.names.index(name) for name in self.encoder.names]
        return self._spread(self.encoder.transform(part.features[:, places], source.levels))

    def _spread(self, encoded: np.ndarray) -> np.ndarray:
        if self.encoder is None or self.positions:
            return encoded
        return self.encoder.spread_out(encoded)

    def show(self, rows: np.ndarray) -> Any:
        """These rows as the estimator gets them: (n, d) float64, sparse rows, or a frame."""
        given: Any = rows
        if hasattr(given, "tocsr"):
            if self.sparse and self.kind != FRAME:
                return given
            rows = given.toarray()
        if self.kind != FRAME:
            return np.asarray(rows, dtype=np.float64)
        return self._frame(rows)

    def _frame(self, rows: np.ndarray) -> Any:
        import pandas

        source = self.source
        assert source is not None
        columns = {}
        for name in self.names or source.names:
            column = np.asarray(rows[:, source.names.index(name)], np.float64)
            columns[name] = _as_the_user_has_it(column, source.kinds[name], source.levels.get(name))
        return pandas.DataFrame(columns)


def _as_the_user_has_it(column: np.ndarray, kind: str, levels: Any) -> Any:
    missing = np.isnan(column)
    if kind == CATEGORY:
        texts = np.array([*levels, np.nan], dtype=object)
        return texts[np.where(missing, len(texts) - 1, column).astype(np.int64)]
    if kind == DATE:
        days = np.where(missing, 0.0, column)
        dates = np.datetime64(0, "us") + np.round(days * 86_400_000_000).astype("m8[us]")
        return np.where(missing, np.datetime64("NaT"), dates)
    if kind == BOOLEAN and not missing.any():
        return column.astype(bool)
    return column


def view_of(
    kind: str, data: PreparedData, name: str, names: tuple[str, ...] = (), estimator: Any = None
) -> View:
    """A view that can be had; by what the estimator says of itself, of sparse rows.

    Raises:
        UsageError: a frame where pandas is not installed, or where the data's own features are not
            known.
    """
    if kind == FRAME and data.source is None:
        raise UsageError(
            f"The teacher '{name}' cannot have a data frame, since the features of '{data.name}' "
            f"have no names."
        )
    if kind == FRAME and not has_pandas():
        raise UsageError(
            f"The teacher '{name}' selects columns by name, which needs a data frame; install "
            f"pandas, or select columns by their numbers."
        )
    sparse = estimator is not None and _takes_sparse(estimator)
    return View(kind, data.scaler, data.encoder, data.source, names, sparse)


def _takes_sparse(estimator: Any) -> bool:
    from sklearn.utils import get_tags

    try:
        return bool(get_tags(estimator).input_tags.sparse)
    except Exception:  # without tags nothing is known, and everybody takes dense rows
        return False


def auto_view(estimator: Any, data: PreparedData, *, own: bool) -> str:
    """The kind of view for an estimator that is fitted here.

    Args:
        estimator: not fitted.
        data: what it is fitted on.
        own: whether the user made it; one that tfloss makes by name is given what the student gets.
    """
    if data.source is None:
        return SCALED
    if selects_by_name(estimator):
        return FRAME
    if not own:
        return SCALED
    pipeline = hasattr(estimator, "steps") or hasattr(estimator, "transformers")
    return FRAME if data.encoder is not None and pipeline and has_pandas() else UNSCALED


def has_pandas() -> bool:
    """Whether pandas is installed; it is not imported to find out."""
    return find_spec("pandas") is not None


def selects_by_name(estimator: Any) -> bool:
    """Whether it, or an estimator in it, is a `ColumnTransformer` of columns by name or kind."""
    return any(
        isinstance(columns, str)
        or callable(columns)
        or (isinstance(columns, list | tuple) and columns and isinstance(columns[0], str))
        for part in _parts(estimator)
        for _, _, columns in _transformers(part)
    )


def _transformers(part: Any) -> list[tuple[Any, Any, Any]]:
    found = getattr(part, "transformers", None)
    return [one for one in found or () if isinstance(one, tuple) and len(one) == 3]


def _parts(estimator: Any) -> Iterator[Any]:
    yield estimator
    if hasattr(estimator, "get_params") and not isinstance(estimator, type):
        parameters: Mapping[str, Any] = estimator.get_params()
        yield from parameters.values()
