"""A fitted teacher: its predictions for every row, and itself for other rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from tfloss.data import Columns
from tfloss.errors import UsageError
from tfloss.teachers.fitting.batched import Predictions
from tfloss.teachers.fitting.probabilities import as_column
from tfloss.teachers.predict_columns import columns_of


@dataclass(frozen=True, eq=False)
class FittedTeacher:
    """A teacher that has been fitted and asked.

    Attributes:
        alias: its name in a formula.
        text: what it was called by, or its class.
        train: by name its predictions for the training rows, float32: '' is (n, 1) or (n, C), the
            tensor `alias`; 'std' is the tensor `alias.std`; a network's layers by their names.
        holdout: the same for the holdout.
        origin: 'cross': out of fold for the rows that it was fitted on; 'train': by the
            model that saw them; 'prefitted': fitted before; 'column': read from the data.
        rows: how many rows it was fitted on; 0 where that was not here.
        scores: every registered metric on its 'own rows', 'out of fold' and on the 'holdout', as
            far as they were computed.
        notes: what a user should know, a sentence each.
        classes: the number of declared classes; None for regression.
        fit: makes the fitted estimator; called when it is first asked for.
        present_train: (n,) bool, False where it has no answer; None: it has one for every row.
        present_holdout: the same for the holdout.
    """

    alias: str
    text: str
    train: Predictions
    holdout: Predictions
    origin: Literal["cross", "train", "prefitted", "column"]
    rows: int = 0
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    classes: int | None = None
    fit: Callable[[], Any] | None = field(default=None, repr=False)
    present_train: np.ndarray | None = field(default=None, repr=False)
    present_holdout: np.ndarray | None = field(default=None, repr=False)

    @property
    def predictions_train(self) -> np.ndarray:
        """(n, 1) or (n, C) float32, one row for each training row."""
        return self.train[""]

    @property
    def predictions_holdout(self) -> np.ndarray:
        """(n, 1) or (n, C) float32, one row for each row of the holdout."""
        return self.holdout[""]

    def tensors(self, split: Literal["train", "holdout"]) -> dict[str, np.ndarray]:
        """The predictions for a split by the names of their tensors: `alias`, `alias.std`.

        For classes `alias.logits` is among them: a network's own, else the log-odds (one column) or
        logarithms (several) of its probabilities.
        """
        predictions = self.train if split == "train" else self.holdout
        return columns_of(self.alias, predictions, classes=self.classes)

    def present(self, split: Literal["train", "holdout"]) -> dict[str, np.ndarray]:
        """By the names of its tensors, (n,) bool: where it has an answer; {} where everywhere."""
        mask = self.present_train if split == "train" else self.present_holdout
        return {} if mask is None else dict.fromkeys(self.tensors(split), mask)

    @cached_property
    def fitted(self) -> Any:
        """The estimator with its order of classes; fitted now if its predictions were cached."""
        if self.fit is None:
            raise UsageError(
                f"The teacher '{self.alias}' is a column of the data; it cannot answer for others."
            )
        return self.fit()

    @property
    def estimator(self) -> Any:
        """The fitted estimator."""
        return self.fitted.estimator

    def predict(self, rows: np.ndarray | Columns) -> np.ndarray:
        """Predictions for other rows: what `PreparedData.arrange` made, or (n, d) scaled inputs.

        Returns:
            (n, 1) or (n, C) float32.

        Raises:
            UsageError: scaled inputs, of which the data frame that it needs cannot be made.
        """
        part = rows if isinstance(rows, Columns) else Columns({"inputs": rows})
        return as_tensors(self.fitted.predict(self.fitted.rows(part)), self.classes)[""]

    def gap(self, metric: str) -> float | None:
        """By how much a metric, 'log_loss' for example, is higher out of fold than on own rows."""
        if "own rows" in self.scores and "out of fold" in self.scores:
            return self.scores["out of fold"][metric] - self.scores["own rows"][metric]
        return None


def as_tensors(predictions: Predictions, classes: int | None) -> Predictions:
    """Predictions as a formula sees them: for two classes the probability of the second."""
    return {
        key: as_column(values) if classes is not None and key == "" else values.astype(np.float32)
        for key, values in predictions.items()
    }
