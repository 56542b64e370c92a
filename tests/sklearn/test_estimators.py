"""The estimators inside of scikit-learn's own tools."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

import tfloss
from tfloss.errors import UsageError
from tfloss.formula import FormulaError
from tfloss.sklearn import TRUSTED, DistilledClassifier, DistilledRegressor

FAST = {"optimizer": "adam:learning_rate=0.02", "random_state": 0}


@pytest.fixture(scope="module")
def cancer():
    features, target = load_breast_cancer(return_X_y=True)
    return features[:200], np.array(["malignant", "benign"])[target[:200]]


@pytest.fixture(scope="module")
def fitted(cancer):
    model = DistilledClassifier(
        "bce + 0.1*abs_kl", teacher=GaussianProcessClassifier(), epochs=60, **FAST
    )
    return model.fit(*cancer)


def test_the_issues_example_learns_text_labels_and_logs_its_terms(fitted, cancer):
    assert fitted.classes_.tolist() == ["benign", "malignant"]
    assert fitted.score(*cancer) > 0.95
    probabilities = fitted.predict_proba(cancer[0])
    assert probabilities.shape == (200, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert list(fitted.history_) == ["total", "bce", "abs_kl"]
    terms = fitted.history_["bce"] + fitted.history_["abs_kl"]
    np.testing.assert_allclose(fitted.history_["total"], terms, rtol=1e-5)
    assert not hasattr(fitted.teacher, "classes_")  # a copy of it was fitted


def test_a_pickled_copy_answers_alike(fitted, cancer):
    state = fitted.network_.__getstate__()
    assert all(type(weights) is np.ndarray for weights in state["weights"])
    again = pickle.loads(pickle.dumps(fitted))
    answers = fitted.predict_proba(cancer[0])
    np.testing.assert_array_equal(again.predict_proba(cancer[0]), answers)
    twice = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(fitted))))  # not asked in between
    np.testing.assert_array_equal(twice.predict_proba(cancer[0]), answers)


def test_skops_needs_to_trust_tfloss_own_types_only(fitted, cancer, tmp_path):
    skops = pytest.importorskip("skops.io")
    path = tmp_path / "model.skops"
    pipeline = make_pipeline(MinMaxScaler(), fitted)
    pipeline[0].fit(cancer[0])
    skops.dump(pipeline, path)
    assert set(skops.get_untrusted_types(file=path)) <= set(TRUSTED)
    again = skops.load(path, trusted=list(TRUSTED))
    np.testing.assert_array_equal(again.predict_proba(cancer[0]), pipeline.predict_proba(cancer[0]))


def test_a_new_process_loads_it(fitted, cancer, tmp_path):
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(fitted))
    np.save(tmp_path / "rows.npy", cancer[0][:5])
    code = (
        "import pickle, numpy as np\n"
        "model = pickle.load(open('model.pickle', 'rb'))\n"
        "np.save('answers.npy', model.predict_proba(np.load('rows.npy')))\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    answers = np.load(tmp_path / "answers.npy")
    np.testing.assert_allclose(answers, fitted.predict_proba(cancer[0][:5]), rtol=1e-5)


def test_its_network_leaves_as_a_keras_file(fitted, cancer, tmp_path):
    from tfloss import keras

    written = fitted.export(tmp_path / "student.keras", cancer[0])
    assert written.rows == 200
    answers = keras.models.load_model(written.path)(cancer[0])[:, 0]
    np.testing.assert_allclose(answers, fitted.predict_proba(cancer[0])[:, 1], atol=1e-5)


def test_grid_search_over_the_formula_and_the_teacher_in_a_pipeline():
    features, target = load_iris(return_X_y=True)
    model = DistilledClassifier(teacher=LogisticRegression(), epochs=15, **FAST)
    search = GridSearchCV(
        make_pipeline(MinMaxScaler(), model),
        {
            "distilledclassifier__formula": ["cross_entropy", "ce + 0.5*kd(temperature=4)"],
            "distilledclassifier__teacher__C": [0.1],
        },
        cv=2,
        error_score="raise",
    ).fit(features, target)
    best = search.best_estimator_[-1]
    assert search.best_score_ > 0.8
    assert best.teacher.C == 0.1
    assert best.formula_ == search.best_params_["distilledclassifier__formula"]


def test_cross_val_score_in_other_processes_gives_the_same_scores(full_size):
    if not full_size:
        pytest.skip("two processes import TensorFlow: TFLOSS_TEST_SIZE=full")
    features, target = load_iris(return_X_y=True)
    model = DistilledClassifier(hidden=(8,), epochs=15, **FAST)
    here = cross_val_score(model, features, target, cv=2)
    there = cross_val_score(model, features, target, cv=2, n_jobs=2)
    np.testing.assert_allclose(here, there, atol=0.02)
    assert here.min() > 0.6


def test_weights_are_repetitions_in_full_batches():
    random = np.random.default_rng(0)
    features, target = random.random((15, 30)), random.integers(0, 3, 15)
    times = random.integers(0, 5, 15)
    model = DistilledClassifier(batch_size=100, epochs=50, **FAST)
    weighted = clone(model).fit(features, target, sample_weight=times)
    repeated = clone(model).fit(np.repeat(features, times, axis=0), np.repeat(target, times))
    answers = weighted.predict_proba(features)
    np.testing.assert_allclose(answers, repeated.predict_proba(features), rtol=1e-4)
    unweighted = clone(model).fit(features, target)
    assert abs(answers - unweighted.predict_proba(features)).max() > 0.01


def test_a_regressor_answers_in_the_targets_units():
    features, target = load_diabetes(return_X_y=True)
    model = DistilledRegressor(teacher=Ridge(), epochs=30, **FAST).fit(features, target)
    assert model.formula_ == "mse + mse(teacher, prediction)"
    assert model.score(features, target) > 0.4
    assert 100 < model.predict(features).mean() < 200  # the target's mean is 152
    first = model.history_["mse"][0]
    assert first < 1.5 * target.var()  # it starts at the target's mean, not at 0
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(features), model.predict(features))


def test_further_tensors_come_through_fit_and_are_cut_with_the_rows(cancer):
    features, target = cancer
    soft = np.where(target == "malignant", 0.9, 0.1)
    soft[::3] = np.nan  # no answer for these
    model = DistilledClassifier("bce + binary_kl(soft)", hidden=(4,), epochs=5, **FAST)
    model.fit(features, target, soft=soft)
    assert set(model.history_) == {"total", "bce", "binary_kl(soft)"}
    scores = cross_val_score(model, features, target, cv=2, params={"soft": soft})
    assert np.isfinite(scores).all()


def test_a_loss_of_ones_own_and_a_network_of_ones_own():
    from tfloss import tf

    @tfloss.loss
    def squared(labels, probs):
        return tf.reduce_sum((labels - probs) ** 2, axis=-1)

    def network(features, outputs):
        import keras

        return keras.Sequential([keras.Input((features,)), keras.layers.Dense(outputs)])

    registry = tfloss.Registry(tfloss.load_registry().plugins).add(squared)
    model = DistilledClassifier("squared", model=network, registry=registry, epochs=10, **FAST)
    features, target = load_iris(return_X_y=True)
    fitted = clone(model).fit(features, target)
    assert fitted.score(features, target) > 0.7
    assert len(fitted.network_.model.get_weights()) == 2


def test_the_global_generators_are_left_alone(cancer):
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    DistilledClassifier(teacher="lr", hidden=(2,), epochs=1, random_state=0).fit(*cancer)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"formula": "bce + abs_kll"}, FormulaError, "abs_kl"),
        ({"formula": "bce + kd"}, FormulaError, "teacher"),
        ({"teacher": {"a": "lr", "b": "gpc"}}, UsageError, "write the formula"),
        ({"model": 3}, UsageError, "a function"),
    ],
)
def test_bad_parameters_are_one_sentence(cancer, options, error, words):
    with pytest.raises(error, match=words):
        DistilledClassifier(**options, epochs=1).fit(*cancer)


def test_importing_it_imports_no_tensorflow():
    code = (
        "import sys, tfloss.sklearn\n"
        "from sklearn.base import clone\n"
        "clone(tfloss.sklearn.DistilledClassifier('bce', teacher='gpc'))\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_step_that_is_not_finite_is_skipped_where_the_estimator_says_so(cancer):
    from tfloss import tf

    @tfloss.loss
    def now_and_then(labels, logits):
        """NaN for batches with more than half of the first class; labels, logits (batch, 1)."""
        bad = tf.reduce_mean(labels) < 0.5
        return tf.where(bad, np.nan, 1.0) * logits[:, 0] ** 2

    options = {"epochs": 1, "batch_size": 8, "losses": [now_and_then], "random_state": 0}
    with pytest.raises(tfloss.NumericsError, match="now_and_then"):
        DistilledClassifier("now_and_then", **options).fit(*cancer)
    with pytest.warns(UserWarning, match="not finite"):
        model = DistilledClassifier("now_and_then", on_nan="skip", **options).fit(*cancer)
    assert all(np.isfinite(weight).all() for weight in model.network_.model.get_weights())


def test_callbacks_see_every_epoch(cancer):
    from tfloss import keras

    seen = []
    lines = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(dict(logs)))
    model = DistilledClassifier("bce", epochs=3, callbacks=[lines]).fit(*cancer)
    np.testing.assert_allclose([logs["bce"] for logs in seen], model.history_["bce"], rtol=1e-6)
