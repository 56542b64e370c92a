"""What classifier and regressor share: parameters, checks, fitted attributes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from tfloss.data import Classes
from tfloss.exporting import Exported, Source, export
from tfloss.sklearn.network import Network
from tfloss.sklearn.training import prepared, refuse_unnamed, trained


class Distilled(BaseEstimator):
    """A network trained by a formula; the base of both estimators."""

    formula: Any
    teacher: Any
    scale: str
    random_state: Any

    def _fit(
        self,
        features: np.ndarray,
        target: np.ndarray,
        classes: Classes | None,
        weight: np.ndarray | None,
        columns: dict[str, Any],
    ) -> None:
        refuse_unnamed(columns, self.formula, self.teacher)
        data = prepared(
            features,
            target,
            classes=classes,
            weight=weight,
            columns=columns,
            scale=self.scale,
            name=type(self).__name__,
            feature_names=tuple(getattr(self, "feature_names_in_", ())),
        )
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        result, self.network_ = trained(self, data, seed)
        history = result.history
        self.formula_ = result.objective.text
        self.history_ = {name: history.column(name) for name in ("total", *history.names)}
        self.teacher_notes_ = tuple(n for t in result.teachers.values() for n in t.notes)

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
        features = validate_data(self, X, reset=False, dtype=np.float64)
        network: Network = self.network_
        task = "classification" if is_classifier(self) else "regression"
        source = Source(network.model, task, network.scaler, features, link=network.link)
        return export(source, path, format=format, with_scaler=with_scaler, probs=probs)

    def _checked(self, X: Any, y: Any, **options: Any) -> tuple[np.ndarray, np.ndarray]:  # noqa: N803
        return validate_data(self, X, y, dtype=np.float64, **options)

    def _weights(self, weight: Any, X: np.ndarray) -> np.ndarray | None:  # noqa: N803
        """(n,) float64, checked; None where there are none."""
        if weight is None:
            return None
        weight = _check_sample_weight(weight, X, dtype=np.float64, ensure_non_negative=True)
        if not weight.any():
            raise ValueError("The sample weights are all 0, so that no row is left to train on.")
        return weight

    def _outputs(self, X: Any) -> np.ndarray:  # noqa: N803
        """Logits, or answers of a regressor, (n, k) float64."""
        check_is_fitted(self)
        features = validate_data(self, X, reset=False, dtype=np.float64)
        network: Network = self.network_
        return network(features)
