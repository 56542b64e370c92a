"""What a finished student is judged by; scikit-learn does the work."""

from __future__ import annotations

from typing import Any

import numpy as np

import tfloss
from tfloss_metrics import batched


@tfloss.metric(label="accuracy", better="higher", batched=batched.accuracy)
def accuracy(classes: np.ndarray, probs: np.ndarray) -> float:
    """Share of rows whose most probable class is the right one."""
    from sklearn.metrics import accuracy_score

    return float(accuracy_score(classes, probs.argmax(axis=1)))


@tfloss.metric(label="F1", better="higher", batched=batched.f1)
def f1(classes: np.ndarray, probs: np.ndarray) -> float:
    """F1 of the second class for two classes, else the mean of the classes' F1 (macro)."""
    from sklearn.metrics import f1_score

    if probs.shape[1] == 2:
        return float(f1_score(classes, probs.argmax(axis=1), zero_division=0.0))
    labels = np.arange(probs.shape[1])
    predicted = probs.argmax(axis=1)
    return float(f1_score(classes, predicted, labels=labels, average="macro", zero_division=0.0))


@tfloss.metric(label="log-loss", better="lower", batched=batched.log_loss)
def log_loss(classes: np.ndarray, probs: np.ndarray) -> float:
    """Mean of -log(probability of the right class), in nats."""
    from sklearn.metrics import log_loss as sklearn_log_loss

    return float(sklearn_log_loss(classes, probs, labels=np.arange(probs.shape[1])))


@tfloss.metric(label="Brier", better="lower", batched=batched.brier)
def brier(classes: np.ndarray, probs: np.ndarray) -> float:
    """Squared distance to the right answer, averaged over rows.

    For two classes (p - y)², from 0 to 1, as scikit-learn scales it; for more the sum over classes
    of (p - y)², from 0 to 2 (Brier 1950).
    """
    from sklearn.metrics import brier_score_loss

    if probs.shape[1] == 2:
        return float(brier_score_loss(classes, probs[:, 1], labels=[0, 1], pos_label=1))
    return float(brier_score_loss(classes, probs, labels=np.arange(probs.shape[1])))


@tfloss.metric(label="ECE", better="lower", batched=batched.ece)
def ece(classes: np.ndarray, probs: np.ndarray) -> float:
    """Expected calibration error of the predicted class, 10 bins of equal width.

    Source: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, eq. 3.
    """
    confidence = probs.max(axis=1)
    right = probs.argmax(axis=1) == classes
    bins = np.minimum((confidence * batched.BINS).astype(int), batched.BINS - 1)
    gaps = [
        np.count_nonzero(bins == b) * abs(right[bins == b].mean() - confidence[bins == b].mean())
        for b in np.unique(bins)
    ]
    return float(sum(gaps) / len(classes))


@tfloss.metric(label="mean entropy", better=None, batched=batched.mean_entropy)
def mean_entropy(classes: np.ndarray, probs: np.ndarray) -> float:
    """Mean Shannon entropy of the predictions, in nats: how unsure the model is."""
    from scipy.special import entr

    return float(entr(probs).sum(axis=1).mean())


@tfloss.metric(label="MSE", better="lower", task="regression", batched=batched.mean_squared_error)
def mean_squared_error(target: np.ndarray, prediction: np.ndarray) -> float:
    """Mean squared error."""
    from sklearn.metrics import mean_squared_error as sklearn_mse

    return float(sklearn_mse(target, prediction))


@tfloss.metric(label="MAE", better="lower", task="regression", batched=batched.mean_absolute_error)
def mean_absolute_error(target: np.ndarray, prediction: np.ndarray) -> float:
    """Mean absolute error."""
    from sklearn.metrics import mean_absolute_error as sklearn_mae

    return float(sklearn_mae(target, prediction))


@tfloss.metric(label="R2", better="higher", task="regression", batched=batched.r2)
def r2(target: np.ndarray, prediction: np.ndarray) -> float:
    """Coefficient of determination."""
    from sklearn.metrics import r2_score

    return float(r2_score(target, prediction))


@tfloss.hookimpl
def tfloss_metrics() -> list[Any]:
    """Register this module's metrics."""
    return [
        accuracy,
        f1,
        log_loss,
        brier,
        ece,
        mean_entropy,
        mean_squared_error,
        mean_absolute_error,
        r2,
    ]
