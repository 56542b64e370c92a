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
from tfloss.registry import registry_with
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
            scaler="new" if before is None else before.scaler,
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
        features = validate_data(self, X, reset=False, dtype=np.float64, accept_sparse="csr")
        features = features.toarray() if is_sparse(features) else features
        network = self.network_
        one_label = is_classifier(self) and not getattr(self, "multilabel_", False)
        task = "classification" if one_label else "regression"
        source = Source(network.model, task, network.scaler, features, link=network.link)
        return export(source, path, format=format, with_scaler=with_scaler, probs=probs)

    def _checked(self, X: Any, y: Any, **options: Any) -> tuple[Any, np.ndarray]:  # noqa: N803
        """Features, (n, d) or sparse rows, and labels."""
        return validate_data(self, X, y, dtype=_kept_types(X), accept_sparse="csr", **options)

    def _weights(self, weight: Any, X: Any) -> np.ndarray | None:  # noqa: N803
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
        features = validate_data(self, X, reset=False, dtype=_kept_types(X), accept_sparse="csr")
        return self.network_(features)


def _kept_types(X: Any) -> Any:  # noqa: N803
    """Rows of float32 are not copied as float64; scaling computes in float64 all the same."""
    return np.float64 if is_sparse(X) else [np.float64, np.float32]
