"""What classifier and regressor share: parameters, checks, fitted attributes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils import check_random_state
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    check_X_y,
    validate_data,
)

from tfloss.data import Classes, Encoder, Table
from tfloss.data.frames import is_frame
from tfloss.exporting import Exported, Source, export
from tfloss.registry import registry_with
from tfloss.sklearn.frames import as_encoded, as_table, needs_encoding
from tfloss.sklearn.network import Network
from tfloss.sklearn.rows import prepared
from tfloss.sklearn.sparse import is_sparse
from tfloss.sklearn.teachers import refuse_to_fit
from tfloss.sklearn.training import refuse_unnamed, trained


class Distilled(BaseEstimator):
    """A network trained by a formula; the base of both estimators."""

    formula: Any
    teacher: Any
    registry: Any
    losses: Any
    scale: str
    early_stopping: bool
    warm_start: bool
    random_state: Any
    network_: Network
    history_: dict[str, np.ndarray]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    @property
    def _goes_on(self) -> bool:
        """Whether `fit` starts from the network of the `fit` before."""
        return self.warm_start and hasattr(self, "network_")

    def _fit(
        self,
        features: Any,
        target: np.ndarray,
        classes: Classes | None,
        weight: np.ndarray | None,
        columns: dict[str, Any],
        *,
        part: bool = False,
    ) -> None:
        """Train on checked rows; `part`: one epoch more, else as `fit` does."""
        refuse_unnamed(columns, self.formula, self.teacher)
        before = getattr(self, "network_", None) if part or self.warm_start else None
        done = getattr(self, "n_iter_", 0) if part else 0
        data = prepared(
            features,
            target,
            classes=classes,
            weight=weight,
            columns=columns,
            scale=self.scale,
            name=type(self).__name__,
            feature_names=tuple(getattr(self, "feature_names_in_", ())),
            before=before,
        )
        if part:
            self._refuse_in_parts()
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        epochs = (done, done + 1) if part else None
        result, self.network_ = trained(self, data, seed, before=before, epochs=epochs)
        history = result.history
        curves = {name: history.column(name) for name in ("total", *history.names)}
        if done and curves.keys() == self.history_.keys():
            curves = {n: np.concatenate([self.history_[n], curve]) for n, curve in curves.items()}
        self.history_ = curves
        self.formula_ = result.objective.text
        self.n_iter_ = history.latest.number
        self.best_epoch_ = history.best_epoch
        self.validation_loss_ = np.array(history.validation)
        self.teacher_notes_ = tuple(n for t in result.teachers.values() for n in t.notes)

    def _refuse_in_parts(self) -> None:
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True.")
        refuse_to_fit(self.teacher, registry_with(self.registry, self.losses))

    def export(
        self,
        path: str | Path,
        X: Any,  # noqa: N803
        *,
        format: str | None = None,
        with_scaler: bool = True,
        probs: bool = True,
    ) -> Exported:
        """Write the network so that it runs without tfloss and scikit-learn; see `tfloss.export`.

        Args:
            path: a new file, or a new folder for 'savedmodel'.
            X: (n, d) rows to compare on what was written.
            format: 'keras', 'savedmodel', 'onnx', 'litert'; default: by the ending of `path`.
            with_scaler: it takes features as `fit` did, and scales them inside.
            probs: a classifier answers with probabilities instead of logits.
        """
        check_is_fitted(self)
        network, rows = self.network_, self._rows(X)
        one_label = is_classifier(self) and not getattr(self, "multilabel_", False)
        source = Source(
            network.model,
            "classification" if one_label else "regression",
            network.scaler,
            rows.toarray() if is_sparse(rows) else rows,
            link=network.link,
        )
        if isinstance(rows, Table):
            source = replace(
                source, features=rows.features, encoder=network.encoder, levels=rows.levels
            )
        return export(source, path, format=format, with_scaler=with_scaler, probs=probs)

    def _checked(self, X: Any, y: Any, **options: Any) -> tuple[Any, np.ndarray]:  # noqa: N803
        """Features, (n, d) float64, sparse rows or a table, and labels."""
        reset = options.pop("reset", True)
        encoder = None if reset else self._encoder
        if encoder is None and not needs_encoding(X):
            features, y = self._numbers(X, y, reset=reset, **options)
            return features, y
        validate_data(self, X, reset=reset, skip_check_array=True)
        table = self._table(X, encoder)
        _, y = check_X_y(np.zeros((len(table), 1)), y, estimator=self, **options)
        return table, y

    def _numbers(self, X: Any, *y: Any, **options: Any) -> Any:  # noqa: N803
        """Features that are numbers, and labels where they are given, as scikit-learn checks them.

        Raises:
            ValueError: text, gaps, infinity, or another number of features.
        """
        try:
            return validate_data(self, X, *y, dtype=_kept_types(X), accept_sparse="csr", **options)
        except ValueError as error:
            text = str(error).partition("could not convert string to float: ")[2]
            if not text or np.asarray(X).dtype.kind not in "USO":
                raise
            name = type(self).__name__
            what = "was fitted on numbers" if is_frame(X) else "takes numbers from an array"
            do = "fix the column" if is_frame(X) else "pass a data frame, whose text it encodes"
            raise ValueError(
                f"X holds the text {text}, and {name} {what}; {do}, or put a ColumnTransformer "
                f"with a OneHotEncoder in front of it, in a pipeline."
            ) from error

    def _table(self, X: Any, encoder: Encoder | None) -> Table:  # noqa: N803
        name = type(self).__name__
        if encoder is None:
            return as_table(X, name)
        if is_sparse(X):
            raise ValueError(f"{name} was fitted on a data frame, and cannot take sparse rows.")
        return as_encoded(X, encoder, tuple(self.feature_names_in_), name)

    @property
    def _encoder(self) -> Encoder | None:
        """Of the fit before; None where that was on numbers without gaps."""
        return self.network_.encoder if hasattr(self, "network_") else None

    def _weights(self, weight: Any, X: Any) -> np.ndarray | None:  # noqa: N803
        """(n,) float64, checked; None where there are none."""
        if weight is None:
            return None
        weight = _check_sample_weight(weight, X, dtype=np.float64, ensure_non_negative=True)
        if not weight.any():
            raise ValueError("The sample weights are all 0, so that no row is left to train on.")
        return weight

    def _rows(self, X: Any) -> Any:  # noqa: N803
        """Rows to predict: (n, d) float64, or a table where `fit` has encoded one."""
        encoder = self._encoder
        if encoder is None:
            return self._numbers(X, reset=False)
        validate_data(self, X, reset=False, skip_check_array=True)
        return self._table(X, encoder)

    def _outputs(self, X: Any) -> np.ndarray:  # noqa: N803
        """Logits, or answers of a regressor, (n, k) float64."""
        check_is_fitted(self)
        return self.network_(self._rows(X))


def _kept_types(X: Any) -> Any:  # noqa: N803
    """Rows of float32 are not copied as float64; scaling computes in float64 all the same."""
    return np.float64 if is_sparse(X) else [np.float64, np.float32]
