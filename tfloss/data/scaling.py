"""scikit-learn's scalers of features, as plain arrays: fitted once, saved without a pickle."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from tfloss.data.blocks import column_blocks
from tfloss.errors import DataError, UsageError, did_you_mean, first_line, listed

NO_SCALING = "none"
SCALES = ("standard", "minmax", "maxabs", "robust", "quantile", "power", NO_SCALING)

_QUANTILES = 1000  # at most, as in scikit-learn


class Scaler(ABC):
    """How features are scaled, column by column.

    Attributes:
        kind: one of `SCALES`, but for 'none'.
        affine: whether it only subtracts and divides, so that `restore` undoes it for any row.
    """

    kind: str
    affine: ClassVar[bool] = False

    @staticmethod
    def fit(
        features: np.ndarray,
        kind: str = "standard",
        weight: np.ndarray | None = None,
        rows: np.ndarray | None = None,
    ) -> Scaler | None:
        """The scaler of these rows; give it the training rows only.

        Args:
            features: (m, d) finite numbers; columns are scaled one by one, so of many rows some
                columns at a time are looked at, in float64.
            kind: one of `SCALES`; None is returned for 'none'.
            weight: (n,) sample weights, which only 'standard' uses, as in scikit-learn.
            rows: (n,) which of the rows; default: all.

        Raises:
            UsageError: a kind that does not exist.
            DataError: features of which scikit-learn cannot estimate the scaling.
        """
        if rows is None:
            return fit_by_columns(lambda block: features[:, block], features.shape, kind, weight)
        shape = (len(rows), features.shape[1])
        return fit_by_columns(lambda block: features[:, block][rows], shape, kind, weight)

    @staticmethod
    def from_values(values: Mapping[str, Any]) -> Scaler:
        """The scaler that `to_values` described; lists, as from JSON, do as well as arrays."""
        if "unscaled" in values:
            first = {name: value for name, value in values.items() if name != "unscaled"}
            return LeadingScaler(Scaler.from_values(first), int(values["unscaled"]))
        own: Any = {"quantile": QuantileScaler, "power": PowerScaler}.get(values["kind"])
        arrays = {
            name: np.asarray(value, np.float64) for name, value in values.items() if name != "kind"
        }
        return (own or AffineScaler)(**arrays, kind=values["kind"])

    def to_values(self) -> dict[str, Any]:
        """What to save: `kind`, and each array as lists of numbers, which JSON keeps exactly."""
        arrays = {n: v.tolist() for n, v in vars(self).items() if isinstance(v, np.ndarray)}
        return {"kind": self.kind, **arrays}

    def transform(self, features: np.ndarray) -> np.ndarray:
        """Scaled features, (n, d) float64.

        Raises:
            DataError: another number of columns than the scaler was fitted on.
        """
        self._refuse_other_width(features)
        return self._scaled(np.asarray(features, np.float64))

    def restore(self, scaled: np.ndarray) -> np.ndarray:
        """The features before scaling, (n, d) float64, up to rounding.

        'quantile' clips what lies outside of the rows that it was fitted on, and 'power' flattens
        large values: there the original is lost. See `affine`.
        """
        self._refuse_other_width(scaled)
        return self._unscaled(np.asarray(scaled, np.float64))

    @property
    @abstractmethod
    def n_features(self) -> int:
        """d, the number of columns."""

    @abstractmethod
    def _scaled(self, features: np.ndarray) -> np.ndarray: ...

    @abstractmethod
    def _unscaled(self, scaled: np.ndarray) -> np.ndarray: ...

    def _refuse_other_width(self, features: np.ndarray) -> None:
        if features.shape[1] != self.n_features:
            raise DataError(
                f"The data have {features.shape[1]} feature columns, but training had "
                f"{self.n_features}."
            )


@dataclass(frozen=True, eq=False)
class AffineScaler(Scaler):
    """Subtract `center`, divide by `scale`: 'standard', 'minmax', 'maxabs' and 'robust'.

    Attributes:
        center: (d,) float64: mean, minimum, 0, median.
        scale: (d,) float64: standard deviation, range, largest absolute value, interquartile range;
            1 for a column that does not vary.
        kind: which of these.
    """

    center: np.ndarray
    scale: np.ndarray
    kind: str = "standard"
    affine: ClassVar[bool] = True

    @classmethod
    def fitted_on(
        cls, features: np.ndarray, kind: str = "standard", weight: np.ndarray | None = None
    ) -> AffineScaler:
        """As scikit-learn's scaler of this kind, with its defaults."""
        from sklearn import preprocessing

        if kind == "standard":
            standard = preprocessing.StandardScaler().fit(features, sample_weight=weight)
            return cls(standard.mean_, standard.scale_, kind)
        if kind == "minmax":
            minmax = preprocessing.MinMaxScaler().fit(features)
            return cls(minmax.data_min_, 1 / minmax.scale_, kind)
        if kind == "maxabs":
            scale = preprocessing.MaxAbsScaler().fit(features).scale_
            return cls(np.zeros_like(scale), scale, kind)
        robust = preprocessing.RobustScaler().fit(features)
        return cls(robust.center_, robust.scale_, kind)

    @property
    def n_features(self) -> int:
        return len(self.center)

    def _scaled(self, features: np.ndarray) -> np.ndarray:
        moved = features - self.center
        moved /= self.scale
        return moved

    def _unscaled(self, scaled: np.ndarray) -> np.ndarray:
        moved = scaled * self.scale
        moved += self.center
        return moved


@dataclass(frozen=True, eq=False)
class QuantileScaler(Scaler):
    """The share of training values below a value, from 0 to 1, interpolated between quantiles.

    Attributes:
        quantiles: (q, d) float64, of the training rows; q is their number, at most 1,000.
        kind: 'quantile'.
    """

    quantiles: np.ndarray
    kind: str = "quantile"

    @classmethod
    def fitted_on(cls, features: np.ndarray) -> QuantileScaler:
        """As scikit-learn's QuantileTransformer, of all rows: nothing is subsampled."""
        from sklearn.preprocessing import QuantileTransformer

        count = min(_QUANTILES, len(features))
        return cls(QuantileTransformer(n_quantiles=count, subsample=None).fit(features).quantiles_)

    @property
    def n_features(self) -> int:
        return self.quantiles.shape[1]

    @property
    def shares(self) -> np.ndarray:
        """(q,) float64: what each quantile is mapped to."""
        return np.linspace(0, 1, len(self.quantiles))

    def _scaled(self, features: np.ndarray) -> np.ndarray:
        return np.asarray(self._transformer().transform(features), np.float64)

    def _unscaled(self, scaled: np.ndarray) -> np.ndarray:
        return np.asarray(self._transformer().inverse_transform(scaled), np.float64)

    def _transformer(self) -> Any:
        from sklearn.preprocessing import QuantileTransformer

        made = QuantileTransformer(n_quantiles=len(self.quantiles))
        made.n_quantiles_, made.n_features_in_ = self.quantiles.shape
        made.quantiles_, made.references_ = self.quantiles, self.shares
        return made


@dataclass(frozen=True, eq=False)
class PowerScaler(Scaler):
    """The Yeo-Johnson power transform that makes a column most normal, then standardised.

    Attributes:
        lambdas: (d,) float64, the power of each column.
        center: (d,) float64, the mean of the transformed training rows.
        scale: (d,) float64, their standard deviation; 1 for a column that does not vary.
        kind: 'power'.

    Source: Yeo and Johnson 2000, Biometrika 87, https://doi.org/10.1093/biomet/87.4.954.
    """

    lambdas: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    kind: str = "power"

    @classmethod
    def fitted_on(cls, features: np.ndarray) -> PowerScaler:
        """As scikit-learn's PowerTransformer with its defaults.

        Raises:
            DataError: scikit-learn finds no power.
        """
        from sklearn.preprocessing import PowerTransformer

        try:
            fitted = PowerTransformer(standardize=False).fit(features)
            moved = fitted.transform(features)
        except (ValueError, ArithmeticError, RuntimeError) as error:
            raise DataError(
                f"scale='power' cannot be estimated on these {len(features)} rows "
                f"({first_line(error)}); use another scaling."
            ) from error
        standard = AffineScaler.fitted_on(moved)
        return cls(fitted.lambdas_, standard.center, standard.scale)

    @property
    def n_features(self) -> int:
        return len(self.center)

    def _scaled(self, features: np.ndarray) -> np.ndarray:
        moved = np.asarray(self._transformer().transform(features), np.float64)
        return (moved - self.center) / self.scale

    def _unscaled(self, scaled: np.ndarray) -> np.ndarray:
        moved = scaled * self.scale + self.center
        return np.asarray(self._transformer().inverse_transform(moved), np.float64)

    def _transformer(self) -> Any:
        from sklearn.preprocessing import PowerTransformer

        made = PowerTransformer(standardize=False)
        made.n_features_in_, made.lambdas_ = self.n_features, self.lambdas
        return made


@dataclass(frozen=True, eq=False)
class LeadingScaler(Scaler):
    """Scales the first columns, the numbers, and leaves the others, which are 0 or 1.

    Attributes:
        first: the scaler of the first columns.
        unscaled: how many others there are.
    """

    first: Scaler
    unscaled: int

    @property
    def kind(self) -> str:  # type: ignore[override]
        return self.first.kind

    @property
    def affine(self) -> bool:  # type: ignore[override]
        return self.first.affine

    @property
    def n_features(self) -> int:
        return self.first.n_features + self.unscaled

    def to_values(self) -> dict[str, Any]:
        return {**self.first.to_values(), "unscaled": self.unscaled}

    def _scaled(self, features: np.ndarray) -> np.ndarray:
        count = self.first.n_features
        return np.hstack([self.first.transform(features[:, :count]), features[:, count:]])

    def _unscaled(self, scaled: np.ndarray) -> np.ndarray:
        count = self.first.n_features
        return np.hstack([self.first.restore(scaled[:, :count]), scaled[:, count:]])


def refuse_unknown_scale(kind: Any) -> None:
    """Raise UsageError for a scaling that does not exist."""
    if kind not in SCALES:
        raise UsageError(
            f"scale cannot be {kind!r}.{did_you_mean(str(kind), SCALES)} Known: {listed(SCALES)}."
        )


def fit_by_columns(
    columns: Callable[[slice], np.ndarray],
    shape: tuple[int, ...],
    kind: str = "standard",
    weight: np.ndarray | None = None,
) -> Scaler | None:
    """`Scaler.fit` of rows that are made some columns at a time.

    Args:
        columns: from a slice of columns to their values, (n, w).
        shape: (n, d) of all of them.
        kind, weight: see `Scaler.fit`.
    """
    refuse_unknown_scale(kind)
    weight = None if weight is None else np.ravel(weight)
    if kind == NO_SCALING:
        return None
    # Numbers that overflow become inf here, and are refused with their row where they are used.
    with np.errstate(over="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return _joined(
            [
                _fitted(np.ascontiguousarray(columns(block), np.float64), kind, weight)
                for block in column_blocks(shape[0], shape[1])
            ]
        )


def _fitted(features: np.ndarray, kind: str, weight: np.ndarray | None) -> Scaler:
    """Of some columns, (n, d) float64."""
    if kind == "quantile":
        return QuantileScaler.fitted_on(features)
    if kind == "power":
        return PowerScaler.fitted_on(features)
    return AffineScaler.fitted_on(features, kind, weight)


def _joined(parts: Sequence[Scaler]) -> Scaler:
    """Scalers of columns that follow one another as one."""
    if len(parts) == 1:
        return parts[0]
    names = [name for name, value in vars(parts[0]).items() if isinstance(value, np.ndarray)]
    arrays = {n: np.concatenate([vars(part)[n] for part in parts], axis=-1) for n in names}
    return replace(parts[0], **arrays)  # type: ignore[type-var]
