"""Metrics of many replicates are the plugin's own, batched only where it declares how."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.datasets import make_multilabel_classification
from sklearn.metrics import accuracy_score, roc_auc_score

import tfloss
from tfloss.comparison.analysis.metrics import LABELS, check_batched, metric_values, metrics_for
from tfloss.errors import PluginError


@pytest.fixture
def predictions():
    random = np.random.default_rng(0)

    def make(classes, replicates=40, rows=57):
        truth = random.integers(0, classes, (replicates, rows))
        truth[3] = 0  # a holdout of one class
        probs = softmax(4 * random.normal(size=(replicates, rows, classes)), axis=2)
        probs[5, :10] = np.eye(classes)[truth[5, :10]]  # certain and right
        probs[6, :10] = np.eye(classes)[(truth[6, :10] + 1) % classes]  # certain and wrong
        probs[7] = 1 / classes  # ties
        return truth, probs

    return make


@pytest.mark.filterwarnings("ignore")  # scikit-learn about a holdout of one class
@pytest.mark.parametrize("classes", [2, 3])
def test_built_in_batched_functions_are_the_metrics(registry, predictions, classes):
    truth, probs = predictions(classes)
    metrics = [m for m in registry.metrics.values() if m.task == "classification"]
    assert all(metric.batched for metric in metrics)
    for metric in metrics:
        expected = [metric(t, p) for t, p in zip(truth, probs, strict=True)]
        found = metric_values(metric, truth, probs)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12, err_msg=metric.name)


@pytest.mark.parametrize("outputs", [1, 3])
def test_built_in_batched_functions_of_regression_are_the_metrics(registry, outputs):
    random = np.random.default_rng(1)
    target, prediction = random.normal(size=(2, 30, 20, outputs))
    target[3, :, 0] = 2.0  # constant, missed
    target[4, :, 0] = prediction[4, :, 0] = 2.0  # constant, met
    for metric in registry.metrics.values():
        if metric.task == "regression":
            expected = [metric(t, p) for t, p in zip(target, prediction, strict=True)]
            found = metric_values(metric, target, prediction)
            np.testing.assert_allclose(found, expected, rtol=1e-9, err_msg=metric.name)


def test_a_metric_that_differs_from_a_known_one_on_rare_replicates_keeps_its_own_values(
    predictions,
):
    """Accuracy but for a holdout of one class, which is replicate 3 of 40."""

    @tfloss.metric(better="higher")
    def careful_accuracy(classes, probs):
        if len(np.unique(classes)) == 1:
            return -1.0
        return accuracy_score(classes, probs.argmax(axis=1))

    truth, probs = predictions(2)
    found = metric_values(careful_accuracy, truth, probs)
    assert found[3] == -1.0
    expected = [accuracy_score(t, p.argmax(axis=1)) for t, p in zip(truth, probs, strict=True)]
    np.testing.assert_allclose(np.delete(found, 3), np.delete(expected, 3))


def test_a_batched_function_that_contradicts_its_metric_is_refused(predictions):
    @tfloss.metric(batched=lambda classes, probs: probs.max(axis=2).mean(axis=1))
    def confidence(classes, probs):
        return float(probs.min(axis=1).mean())

    with pytest.raises(PluginError, match=r"'confidence' is .* correct the function"):
        check_batched({"confidence": confidence}, *predictions(2))


def test_a_batched_function_of_another_shape_is_refused(predictions):
    @tfloss.metric(batched=lambda classes, probs: probs.max(axis=2))
    def confidence(classes, probs):
        return float(probs.max(axis=1).mean())

    with pytest.raises(PluginError, match=r"returned shape \(40, 57\) for 40 replicates"):
        metric_values(confidence, *predictions(2))


@pytest.mark.parametrize("batched", [False, True])
def test_a_metric_that_sorts_its_arguments_changes_no_other(predictions, batched):
    def sorting(classes, probs):
        classes.sort()
        probs.sort(axis=0)
        return np.zeros(len(classes)) if batched else 0.0

    declared = tfloss.metric(batched=sorting if batched else None)(sorting)
    truth, probs = predictions(2)
    expected = truth.copy(), probs.copy()
    metric_values(declared, truth, probs)
    np.testing.assert_array_equal(truth, expected[0])
    np.testing.assert_array_equal(probs, expected[1])


def test_several_labels_are_scored_each_as_two_classes(registry):
    random = np.random.default_rng(2)
    truth = random.integers(0, 2, (4, 30, 3))
    said = random.random((4, 30, 3))
    for name, metric in metrics_for(LABELS, registry).items():
        assert metric.task == "classification"
        found = metric_values(metric, truth, said)
        both = np.stack([1 - said, said], axis=-1)
        each = [[metric(truth[r, :, k], both[r, :, k]) for k in range(3)] for r in range(4)]
        np.testing.assert_allclose(found, np.mean(each, axis=1), err_msg=name)


def test_a_comparison_of_labels_of_0_and_1():
    features, labels = make_multilabel_classification(80, 6, n_classes=3, random_state=0)
    training = {"train_size": 60, "epochs": 4, "seeds": 2, "model": "mlp:4"}
    result = tfloss.compare(["bce", "bce + 0.1*focal"], (features, labels), **training)
    (found, _) = result.trajectories
    for seed in range(2):
        data = tfloss.load_data((features, labels), train_size=60, seed=seed)
        truth, said = data.holdout.labels, expit(found.logits[-1, seed])
        right = [accuracy_score(truth[:, k], said[:, k] > 0.5) for k in range(3)]
        assert found.metrics["accuracy"][-1, seed] == pytest.approx(np.mean(right))
        rates = [roc_auc_score(truth[:, k], said[:, k]) for k in range(3)]
        assert found.metrics["auc"][-1, seed] == pytest.approx(np.mean(rates))
    assert "accuracy" in str(result)
    mixed = tfloss.compare(["bce", "mse"], (features, labels), **training)
    assert "r2" in mixed.trajectories[0].metrics
