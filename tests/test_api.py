"""The face: losses of a user's own at every door, formulas explained, runs read."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import accuracy_score

import tfloss
from tests.cli.running import tfloss as command
from tfloss import tf
from tfloss.errors import UsageError
from tfloss.formula import FormulaError
from tfloss.sklearn import DistilledRegressor


@tfloss.loss
def cubed(labels, prediction):
    """Cube of the error, labels and prediction (batch, 1). Returns (batch,)."""
    return tf.reduce_sum(tf.abs(labels - prediction) ** 3, axis=-1)


RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 3)).astype(np.float32)
Y = (X @ [1.0, -2.0, 0.5] + 0.3).astype(np.float32)
DATA = tfloss.load_data((X.astype(np.float64), Y.astype(np.float64)), train_size=30, seed=1)


def test_a_loss_of_ones_own_goes_to_fit_and_to_nobody_else():
    result = tfloss.fit("cubed", DATA, "mlp:4", epochs=2, losses=[cubed])
    prediction = result.student.forward_model(DATA.holdout.inputs).numpy()[:, 0]
    expected = np.mean(np.abs(prediction - DATA.holdout.values["labels"][:, 0]) ** 3)
    assert result.history.latest.holdout["cubed"] == pytest.approx(expected, rel=1e-4)
    with pytest.raises(FormulaError, match="cubed"):
        tfloss.fit("cubed", DATA, "mlp:4", epochs=1)


def test_fit_stream_takes_the_same_loss():
    rows = tf.data.Dataset.from_tensor_slices({"inputs": X, "labels": Y[:, None]}).batch(8)
    result = tfloss.fit_stream(
        "cubed", rows, "mlp:4", steps_per_epoch=5, batch_size=8, task="regression", losses=[cubed]
    )
    assert result.history.latest.train["cubed"] > 0


def test_bind_and_an_estimator_take_it_too():
    assert tfloss.bind("2*cubed", DATA, "mlp:4", losses=[cubed]).names == ("cubed",)
    estimator = clone(DistilledRegressor("cubed", hidden=(4,), epochs=1, losses=[cubed]))
    assert estimator.fit(X, Y).history_["cubed"][-1] > 0


def test_compare_takes_it_too():
    result = tfloss.compare(
        ["cubed", "mse"], (X, Y), "mlp:4", seeds=2, epochs=2, train_size=30, losses=[cubed]
    )
    assert "cubed" in str(result)


def test_a_function_that_is_not_declared_is_refused_by_name():
    def forgotten(labels, logits):
        return labels - logits

    with pytest.raises(UsageError, match=r"put @tfloss\.loss above 'forgotten'"):
        tfloss.fit("forgotten", DATA, "mlp:4", losses=[forgotten])


def test_explain_binds_without_training():
    objective = tfloss.explain("bce + 0.1*abs_kl", teacher="gpc")
    assert objective.names == ("bce", "abs_kl")
    assert {"labels", "logits", "teacher"} <= objective.needs | set(objective.scope)
    with pytest.raises(UsageError, match="epoch"):
        tfloss.explain("bce", epoch=3)


def test_a_run_is_read_and_scored(tmp_path):
    answer = command(
        "train",
        "--loss",
        "bce",
        "--train-size",
        "60",
        "--epochs",
        "3",
        "--quiet",
        "--runs",
        tmp_path,
    )
    assert answer.code == 0, answer.err
    run = tfloss.read_run(str(tmp_path / "breast_cancer-1"))
    assert run.config.formula == "bce"
    (scores,) = tfloss.evaluate(tmp_path / "breast_cancer-1").values()
    table = tfloss.registry.load_registry().datasets["breast_cancer"].function()
    part = run.preprocessing().arrange(table, run.rows["holdout"])
    logits = run.student().forward_model.predict(part.inputs, verbose=0)
    expected = accuracy_score(part.codes, (logits[:, 0] > 0).astype(int))
    assert scores["accuracy"] == pytest.approx(expected)
