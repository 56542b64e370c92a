"""Built-in metrics against scikit-learn's functions, called directly, and against repeated rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from sklearn import metrics as sklearn_metrics
from sklearn.preprocessing import label_binarize

import tfloss
from tfloss.data.scoring import NoScore, metric_value, score


def students(classes: int, rows: int = 80) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Class positions, probabilities, and whole weights."""
    random = np.random.default_rng(classes)
    truth = random.integers(0, classes, rows)
    probs = softmax(2 * random.normal(size=(rows, classes)) + 2 * np.eye(classes)[truth], axis=1)
    return truth, probs, random.integers(1, 4, rows)


def by_sklearn(name: str, truth: np.ndarray, probs: np.ndarray, weight: np.ndarray) -> float:
    """The figure by scikit-learn's function with its documented arguments."""
    hard, classes = probs.argmax(axis=1), probs.shape[1]
    two = classes == 2
    given = {"sample_weight": weight}
    if name == "auc":
        said = probs[:, 1] if two else probs
        return sklearn_metrics.roc_auc_score(truth, said, multi_class="ovr", **given)
    if name == "average_precision":
        labels = truth if two else label_binarize(truth, classes=range(classes))
        said = probs[:, 1] if two else probs
        return sklearn_metrics.average_precision_score(labels, said, **given)
    if name == "f1":
        average = "binary" if two else "macro"
        return sklearn_metrics.f1_score(truth, hard, average=average, **given)
    function = {
        "accuracy": sklearn_metrics.accuracy_score,
        "balanced_accuracy": sklearn_metrics.balanced_accuracy_score,
        "mcc": sklearn_metrics.matthews_corrcoef,
    }[name]
    return function(truth, hard, **given)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    "name", ["accuracy", "balanced_accuracy", "f1", "mcc", "auc", "average_precision"]
)
def test_of_classes_as_scikit_learn(registry, name, classes):
    truth, probs, weight = students(classes)
    metric = registry.metrics[name]
    for weights in (np.ones(len(truth)), weight.astype(float)):
        expected = by_sklearn(name, truth, probs, weights)
        assert metric(truth, probs, sample_weight=weights) == pytest.approx(expected, rel=1e-12)
    assert metric(truth, probs) == pytest.approx(by_sklearn(name, truth, probs, None), rel=1e-12)


def test_macro_f1_passes_over_a_class_that_is_neither_there_nor_predicted(registry):
    truth, hard = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    expected = sklearn_metrics.f1_score(truth, hard, average="macro")
    assert registry.metrics["f1"](truth, np.eye(4)[hard]) == pytest.approx(expected)


def test_rmse_as_scikit_learn(registry):
    random = np.random.default_rng(0)
    target, prediction = random.normal(size=(2, 30, 2))
    expected = sklearn_metrics.root_mean_squared_error(target, prediction)
    assert registry.metrics["rmse"](target, prediction) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_whole_weights_are_repeated_rows(registry, task):
    truth, predicted, weight = students(3)
    if task == "regression":
        truth, predicted = predicted[:, :1], predicted[:, 1:2]
    for metric in registry.metrics.values():
        if metric.task == task:
            weighted = metric_value(metric, truth, predicted, weight.astype(float))
            repeated = metric_value(
                metric, truth.repeat(weight, axis=0), predicted.repeat(weight, axis=0)
            )
            assert weighted == pytest.approx(repeated, rel=1e-9), metric.name


def test_a_class_that_does_not_occur_has_no_auc(registry):
    truth, probs = np.zeros(5, int), np.full((5, 2), 0.5)
    for name in ("auc", "average_precision"):
        value = metric_value(registry.metrics[name], truth, probs)
        assert np.isnan(value)
        assert not isinstance(value, NoScore)


def test_scores_are_weighted_where_the_data_are(registry):
    random = np.random.default_rng(3)
    features = random.normal(size=(60, 2))
    labels = (features[:, 0] > 0).astype(int)
    columns = {"w": random.uniform(0.1, 5, 60)}
    table = tfloss.Table(features, labels, columns=columns, weight="w")
    data = tfloss.load_data(table, train_size=20, registry=registry)
    probs = softmax(random.normal(size=(len(data.holdout), 2)), axis=1)
    found = score(probs, data.holdout, data, registry)
    expected = sklearn_metrics.log_loss(
        labels[data.holdout.rows], probs, sample_weight=columns["w"][data.holdout.rows]
    )
    assert found["log_loss"] == pytest.approx(expected, rel=1e-6)


def test_a_metric_that_fails_says_why_and_leaves_the_others(registry):
    class SilentError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    @tfloss.metric
    def raises(classes, probs):
        raise KeyError("nothing here")

    @tfloss.metric
    def without_text(classes, probs):
        raise SilentError

    @tfloss.metric
    def sorts(classes, probs):
        probs.sort(axis=0)
        return 1.0

    truth, probs, _ = students(2)
    before = probs.copy()
    failed = metric_value(raises, truth, probs)
    assert isinstance(failed, NoScore)
    assert failed.reason == "KeyError: 'nothing here'"
    said = "SilentError: its message cannot be shown (RuntimeError)"
    assert metric_value(without_text, truth, probs).reason == said
    assert metric_value(sorts, truth, probs) == 1.0
    np.testing.assert_array_equal(probs, before)
