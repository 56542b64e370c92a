"""Training from Python, from end to end."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss

import tfloss
import tfloss.runs.train
import tfloss.training.fit
from tfloss.errors import DataError, UsageError
from tfloss.registry import load_registry
from tfloss.runs.train import prepare_run
from tfloss.training.checkpoints import fingerprint
from tfloss.training.config import Config


@pytest.fixture(scope="module")
def data():
    return tfloss.load_data("breast_cancer", train_size=40, seed=1)


@pytest.fixture(scope="module")
def result(data):
    return tfloss.fit("bce + 0.1*abs_kl", data, teacher="gpc", epochs=20, seed=1)


def test_the_loss_falls(result):
    totals = result.history.column("total")
    assert len(totals) == 20
    assert totals[-1] < totals[0]


def test_scores_are_scikit_learns(result, data):
    probs = result.predict(data.scaler.restore(data.holdout.inputs))
    scores = result.scores["student on holdout"]
    truth = data.holdout.codes
    assert scores["accuracy"] == pytest.approx(accuracy_score(truth, probs.argmax(1)))
    assert scores["log_loss"] == pytest.approx(log_loss(truth, probs), rel=1e-4)


def test_the_teacher_stands_beside_the_student(result, data):
    answers = result.teachers["teacher"].predictions_holdout[:, 0]
    assert result.scores["teacher on holdout"]["accuracy"] == pytest.approx(
        accuracy_score(data.holdout.codes, answers > 0.5)
    )


@pytest.mark.parametrize(
    ("features", "words"),
    [
        (np.zeros(30), r"shape \(30,\)"),
        (np.zeros((2, 29)), r"of shape \(30,\)"),
        (np.full((2, 30), np.nan), "row 0"),
    ],
)
def test_it_does_not_answer_for_features_that_are_none(result, features, words):
    with pytest.raises(DataError, match=words):
        result.predict(features)


def test_the_result_prints_as_a_table(result):
    text = str(result)
    for word in ("total", "bce", "abs_kl", "accuracy", "student on holdout", "teacher on holdout"):
        assert word in text


def test_the_same_seed_gives_the_same_history(data, result):
    again = tfloss.fit("bce + 0.1*abs_kl", data, teacher="gpc", epochs=20, seed=1)
    np.testing.assert_array_equal(again.history.column("total"), result.history.column("total"))
    other = tfloss.fit("bce + 0.1*abs_kl", data, teacher="gpc", epochs=20, seed=2)
    assert (other.history.column("total") != result.history.column("total")).any()


def test_a_model_an_optimizer_and_a_teacher_of_ones_own(data):
    model = keras.Sequential(
        [
            keras.Input((30,)),
            keras.layers.Dense(8, "relu", kernel_regularizer=keras.regularizers.L2(1e-2)),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    result = tfloss.fit(
        "bce + kd(teacher=forest)",
        data,
        model,
        teacher={"forest": RandomForestClassifier(20)},
        optimizer=keras.optimizers.Adam(0.01),
        epochs=5,
    )
    assert result.history.names == ("bce", "kd(teacher=forest)", "model_losses")
    last = dict(result.history[-1].train)
    total = last.pop("total")
    assert sum(last.values()) == pytest.approx(total, rel=1e-5)
    assert last["model_losses"] > 0


def test_arrays_and_text_labels():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(90, 4))
    labels = np.array(["zebra", "ant", "mole"])[features[:, :3].argmax(axis=1)]
    data = tfloss.load_data((features, labels))
    result = tfloss.fit("ce", data, epochs=60, optimizer="adam:learning_rate=0.05")
    assert result.scores["student on holdout"]["accuracy"] > 0.6
    assert data.classes.names == ("ant", "mole", "zebra")


def test_regression():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(200, 3))
    target = features @ [1.0, -2.0, 0.5] + 0.01 * generator.normal(size=200)
    data = tfloss.load_data((features, target))
    result = tfloss.fit("mse", data, epochs=150, optimizer="adam:learning_rate=0.02")
    assert result.scores["student on holdout"]["r2"] > 0.9


def test_losses_of_classes_are_refused_for_quantities():
    x = np.random.default_rng(0).normal(size=(30, 2))
    with pytest.raises(UsageError, match="'bce' is about classes, but the target of 'data' is a"):
        tfloss.fit("mse + bce", tfloss.load_data((x, 3 * x[:, 0])), epochs=1)
    shares = tfloss.load_data((x, 1 / (1 + np.exp(-x[:, 0]))))
    assert len(tfloss.fit("bce", shares, epochs=1, compile="eager").history) == 1


def test_rows_without_a_label_train_on_the_teacher_only():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(80, 3))
    labels = np.where(features[:, 0] > 0, 1.0, 0.0)
    labels[::2] = np.nan
    data = tfloss.load_data((features, labels), train_fraction=0.8)
    assert not data.train.labelled.all()
    result = tfloss.fit("bce + kl", data, teacher="lr", epochs=3)
    assert np.isfinite(result.history.column("total")).all()


def test_a_loss_that_stops_being_finite_is_named_and_undone(data):
    @tfloss.loss
    def explodes(labels, logits):
        from tfloss import tf

        return tf.math.log(labels[:, 0] - 2) + logits[:, 0]

    registry = tfloss.Registry(tfloss.load_registry().plugins).add(explodes)
    model = keras.Sequential([keras.Input((30,)), keras.layers.Dense(1)])
    before = [weight.copy() for weight in model.get_weights()]
    with pytest.raises(tfloss.NumericsError, match="step 0 the value of 'explodes'"):
        tfloss.fit("bce + explodes", data, model, epochs=3, registry=registry)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_keras_callbacks_are_called(data):
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=0, min_delta=1e9)
    seen: list[int] = []
    count = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    result = tfloss.fit("bce", data, epochs=10, callbacks=[stop, count])
    assert len(result.history) == len(seen) == 2


def test_bind_shows_and_computes():
    data = tfloss.load_data("iris")
    objective = tfloss.bind("ce + kl(teacher=soft)", data, teacher={"soft": "anything"})
    assert objective.names == ("ce", "kl(teacher=soft)")
    assert objective.needs == {"labels", "logits", "soft"}
    assert objective._repr_latex_().startswith("$")


class NotToBeFitted(LogisticRegression):
    def fit(self, x, y, sample_weight=None):
        raise AssertionError("the teacher was fitted before the formula was known to fit")


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("bce + mse(teacher, inputs)", "shape"),
        ("bce + kl + mse(hidden1, inputs)", "shape"),
        ("bce + kl + l2('nowhere/*')", "nowhere"),
        ("bce + kl + mse(teacher.std, labels)", "no tensor 'teacher.std'"),
        ("bce + kl + huber(delta=-1)", "delta"),
    ],
)
def test_the_whole_formula_is_checked_before_a_teacher_is_fitted(data, formula, words):
    with pytest.raises(tfloss.TflossError, match=words):
        tfloss.fit(formula, data, teacher=NotToBeFitted(), epochs=1)


def test_rows_are_hashed_once_for_a_checkpoint_and_never_for_nobody(monkeypatch, tmp_path):
    """Of a table of gigabytes a digest takes longer than its training may."""
    hashed = []
    own = fingerprint.data_fingerprint
    for module in (tfloss.training.fit, tfloss.runs.train):
        monkeypatch.setattr(
            module, "data_fingerprint", lambda data: hashed.append(data) or own(data)
        )
    config = Config(formula="bce", epochs=1)
    ready = prepare_run(config, load_registry())
    tfloss.fit("bce", ready.data, "mlp:2", epochs=1)
    assert hashed == []
    tfloss.fit("bce", ready.data, "mlp:2", epochs=1, checkpoint=tmp_path / "run")
    assert len(hashed) == 1


def test_a_layer_with_a_column_for_each_level_learns_the_quantiles():
    """A student built by name has no outputs for a list of levels; a layer of one's own has."""
    random = np.random.default_rng(0)
    features, target = np.ones((201, 1)), random.normal(5, 2, size=201)
    data = tfloss.load_data((features, target), scale="none", train_size=200)
    levels = "levels=[0.1, 0.5, 0.9]"
    with pytest.raises(tfloss.FormulaError, match="name a layer that has them, prediction=LAYER"):
        tfloss.fit(f"quantile({levels})", data, "mlp", epochs=1)
    source = keras.Input((1,))
    heads = keras.layers.Dense(3, name="quantiles")(source)
    result = tfloss.fit(
        f"quantile(prediction=quantiles, {levels})",
        data,
        keras.Model(source, heads[:, 1:2]),
        epochs=300,
        batch_size=200,
        optimizer="adam:learning_rate=0.1",
    )
    model = result.student.model
    quantiles = keras.Model(model.input, model.get_layer("quantiles").output)
    answers = quantiles(np.ones((1, 1)))[0]
    own = np.quantile(data.train.labels, [0.1, 0.5, 0.9])
    np.testing.assert_allclose(answers, own, atol=0.15)
