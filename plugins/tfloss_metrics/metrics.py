"""What a finished student is judged by; scikit-learn does the work.

`sample_weight` is (n,), where the data have weights. A figure that does not exist, as AUC where a
class does not occur, is NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import tfloss
from tfloss_metrics import batched


@tfloss.metric(label="accuracy", better="higher", batched=batched.accuracy)
def accuracy(classes: np.ndarray, probs: np.ndarray, *, sample_weight: Any = None) -> float:
    """Share of rows whose most probable class is the right one."""
    from sklearn.metrics import accuracy_score

    return float(accuracy_score(classes, probs.argmax(axis=1), sample_weight=sample_weight))


@tfloss.metric(label="balanced accuracy", better="higher", batched=batched.balanced_accuracy)
def balanced_accuracy(
    classes: np.ndarray, probs: np.ndarray, *, sample_weight: Any = None
) -> float:
    """Mean over the classes that occur of the share of their rows that is found (macro recall).

    Source: Brodersen et al., "The balanced accuracy and its posterior distribution", ICPR 2010.
    """
    from sklearn.metrics import recall_score

    predicted, there = probs.argmax(axis=1), np.unique(classes)
    return float(
        recall_score(classes, predicted, labels=there, average="macro", sample_weight=sample_weight)
    )


@tfloss.metric(label="F1", better="higher", batched=batched.f1)
def f1(classes: np.ndarray, probs: np.ndarray, *, sample_weight: Any = None) -> float:
    """F1 of the second class for two classes, else the mean of the classes' F1 (macro).

    As in scikit-learn, a class that is neither there nor predicted does not count.
    """
    from sklearn.metrics import f1_score

    average = "binary" if probs.shape[1] == 2 else "macro"
    return float(
        f1_score(
            classes,
            probs.argmax(axis=1),
            average=average,
            zero_division=0.0,
            sample_weight=sample_weight,
        )
    )


@tfloss.metric(label="MCC", better="higher", batched=batched.mcc)
def mcc(classes: np.ndarray, probs: np.ndarray, *, sample_weight: Any = None) -> float:
    """Matthews correlation coefficient of the predicted classes, -1 to 1; 0 is chance.

    Source: Gorodkin, "Comparing two K-category assignments by a K-category correlation
    coefficient", Computational Biology and Chemistry 28, 2004.
    """
    from sklearn.metrics import matthews_corrcoef

    return float(matthews_corrcoef(classes, probs.argmax(axis=1), sample_weight=sample_weight))


@tfloss.metric(label="AUC", better="higher", batched=batched.auc)
def auc(classes: np.ndarray, probs: np.ndarray, *, sample_weight: Any = None) -> float:
    """Area under the ROC curve; for more than two classes the mean of each against the rest."""
    from sklearn.metrics import roc_auc_score

    return _of_each_class(roc_auc_score, classes, probs, sample_weight)


@tfloss.metric(label="average precision", better="higher", batched=batched.average_precision)
def average_precision(
    classes: np.ndarray, probs: np.ndarray, *, sample_weight: Any = None
) -> float:
    """Mean precision over the recalls; for more than two classes the mean of each class's."""
    from sklearn.metrics import average_precision_score

    return _of_each_class(average_precision_score, classes, probs, sample_weight)


def _of_each_class(
    metric: Any, classes: np.ndarray, probs: np.ndarray, weight: np.ndarray | None
) -> float:
    """A metric of the second of two classes, or the mean of each class's; NaN where one is absent.

    Rows of weight 0 say nothing.
    """
    if weight is not None:
        kept = weight > 0
        classes, probs, weight = classes[kept], probs[kept], weight[kept]
    count = probs.shape[1]
    if len(np.unique(classes)) < count:
        return float("nan")
    each = [1] if count == 2 else range(count)
    values = [metric(classes == one, probs[:, one], sample_weight=weight) for one in each]
    return float(np.mean(values))


@tfloss.metric(label="log-loss", better="lower", batched=batched.log_loss)
def log_loss(classes: np.ndarray, probs: np.ndarray, *, sample_weight: Any = None) -> float:
    """Mean of -log(probability of the right class), in nats."""
    from sklearn.metrics import log_loss as sklearn_log_loss

    labels = np.arange(probs.shape[1])
    return float(sklearn_log_loss(classes, probs, labels=labels, sample_weight=sample_weight))


@tfloss.metric(label="Brier", better="lower", batched=batched.brier)
def brier(classes: np.ndarray, probs: np.ndarray, *, sample_weight: Any = None) -> float:
    """Squared distance to the right answer, averaged over rows.

    For two classes (p - y)², from 0 to 1, as scikit-learn scales it; for more the sum over classes
    of (p - y)², from 0 to 2 (Brier 1950).
    """
    from sklearn.metrics import brier_score_loss

    if probs.shape[1] == 2:
        return float(
            brier_score_loss(
                classes, probs[:, 1], labels=[0, 1], pos_label=1, sample_weight=sample_weight
            )
        )
    labels = np.arange(probs.shape[1])
    return float(brier_score_loss(classes, probs, labels=labels, sample_weight=sample_weight))


@tfloss.metric(label="ECE", better="lower", batched=batched.ece)
def ece(classes: np.ndarray, probs: np.ndarray, *, sample_weight: Any = None) -> float:
    """Expected calibration error of the predicted class, 10 bins of equal width.

    Source: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, eq. 3.
    """
    weight = np.ones(len(classes)) if sample_weight is None else sample_weight
    confidence = probs.max(axis=1)
    right = probs.argmax(axis=1) == classes
    bins = np.minimum((confidence * batched.BINS).astype(int), batched.BINS - 1)
    gaps = np.bincount(bins, weight * (right - confidence), batched.BINS)
    return float(np.abs(gaps).sum() / weight.sum())


@tfloss.metric(label="mean entropy", better=None, batched=batched.mean_entropy)
def mean_entropy(classes: np.ndarray, probs: np.ndarray, *, sample_weight: Any = None) -> float:
    """Mean Shannon entropy of the predictions, in nats: how unsure the model is."""
    from scipy.special import entr

    return float(np.average(entr(probs).sum(axis=1), weights=sample_weight))


@tfloss.metric(label="MSE", better="lower", task="regression", batched=batched.mean_squared_error)
def mean_squared_error(
    target: np.ndarray, prediction: np.ndarray, *, sample_weight: Any = None
) -> float:
    """Mean squared error."""
    from sklearn.metrics import mean_squared_error as sklearn_mse

    return float(sklearn_mse(target, prediction, sample_weight=sample_weight))


@tfloss.metric(label="RMSE", better="lower", task="regression", batched=batched.rmse)
def rmse(target: np.ndarray, prediction: np.ndarray, *, sample_weight: Any = None) -> float:
    """Root of the mean squared error, in the target's unit; the mean over several outputs."""
    from sklearn.metrics import root_mean_squared_error

    return float(root_mean_squared_error(target, prediction, sample_weight=sample_weight))


@tfloss.metric(label="MAE", better="lower", task="regression", batched=batched.mean_absolute_error)
def mean_absolute_error(
    target: np.ndarray, prediction: np.ndarray, *, sample_weight: Any = None
) -> float:
    """Mean absolute error."""
    from sklearn.metrics import mean_absolute_error as sklearn_mae

    return float(sklearn_mae(target, prediction, sample_weight=sample_weight))


@tfloss.metric(label="R2", better="higher", task="regression", batched=batched.r2)
def r2(target: np.ndarray, prediction: np.ndarray, *, sample_weight: Any = None) -> float:
    """Coefficient of determination; NaN for fewer than two rows."""
    from sklearn.metrics import r2_score

    if len(target) < 2:
        return float("nan")
    return float(r2_score(target, prediction, sample_weight=sample_weight))


@tfloss.hookimpl
def tfloss_metrics() -> list[Any]:
    """Register this module's metrics."""
    return [
        accuracy,
        balanced_accuracy,
        f1,
        mcc,
        auc,
        average_precision,
        log_loss,
        brier,
        ece,
        mean_entropy,
        mean_squared_error,
        rmse,
        mean_absolute_error,
        r2,
    ]
