"""Soft targets against scikit-learn used directly, and rows that no teacher may see."""

import sys

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tfloss.data import Table, load_dataset, prepare
from tfloss.errors import DataError, PluginError, UsageError
from tfloss.registry import load_registry
from tfloss.teachers import fit_teachers

from .spies import Answers, Plain, Spy

REGISTRY = load_registry()


def _data(name="iris", **how):
    return prepare(load_dataset(name, REGISTRY), **how)


def _fit(teachers, data, fit="train", **how):
    return fit_teachers(teachers, data, REGISTRY, fit=fit, **how)


def _blobs(labels, rows=60, seed=0):
    """Rows around one point per label; the labels in turn."""
    random = np.random.default_rng(seed)
    codes = np.arange(rows) % len(labels)
    features = random.normal(size=(rows, 2)) + 3 * np.c_[codes == 0, codes == 1]
    return Table(features, np.array(labels, dtype=object)[codes])


def test_the_articles_teacher_is_scikit_learns():
    data = _data("breast_cancer", train_size=5, seed=1)
    teacher = _fit("gpc", data)["teacher"]
    oracle = GaussianProcessClassifier(1.0 * RBF(1.0), random_state=0)
    oracle.fit(data.train.inputs.astype(float), data.train.codes)
    for answers, part in (
        (teacher.predictions_train, data.train),
        (teacher.predictions_holdout, data.holdout),
    ):
        assert answers.shape == (len(part), 1)
        assert answers.dtype == np.float32
        expected = oracle.predict_proba(part.inputs.astype(float))[:, 1:]
        np.testing.assert_allclose(answers, expected, atol=1e-6)


def test_settings_and_seed():
    data = _data()
    teachers = _fit(
        ["a=rf:n_estimators=7", "b=RandomForestClassifier:n_estimators=7"], data, seed=3
    )
    oracle = RandomForestClassifier(n_estimators=7, random_state=3)
    oracle.fit(data.train.inputs, data.train.codes)
    for teacher in teachers.values():
        expected = oracle.predict_proba(data.holdout.inputs)
        np.testing.assert_allclose(teacher.predictions_holdout, expected, atol=1e-6)
        assert teacher.predictions_holdout.min() > 0
        assert teacher.predictions_holdout.max() < 1
    own = _fit("rf:n_estimators=7,random_state=11", data, seed=3)["teacher"]
    assert own.estimator.random_state == 11


def test_it_sees_labelled_training_rows_only():
    table = _blobs(["no", "yes"])
    target = table.target.copy()
    target[::7] = None
    data = prepare(Table(table.features, target), train_fraction=0.5)
    Spy.forget()
    _fit(Spy(), data)
    [(inputs, labels)] = Spy.fitted_on
    np.testing.assert_array_equal(inputs, data.train.features[data.train.labelled])
    np.testing.assert_array_equal(labels, data.train.codes[data.train.labelled])
    holdout = {tuple(row) for row in data.holdout.features}
    assert not holdout & {tuple(row) for row in inputs}
    assert sum(len(rows) for rows in Spy.asked_about) == len(table)  # each row once


def test_the_given_object_stays_unfitted():
    own = LogisticRegression()
    teacher = _fit({"mine": own}, _data())["mine"]
    assert not hasattr(own, "classes_")
    assert (teacher.alias, teacher.text) == ("mine", "LogisticRegression")


@pytest.mark.parametrize("labels", [["zebra", "Ant"], ["b", "A", "10"], [40, -3, 7]])
def test_columns_are_in_declared_order(labels):
    table = _blobs(labels)
    data = prepare(table, train_fraction=0.7)
    oracle = LogisticRegression().fit(data.train.inputs, table.target[data.train.rows].astype(str))
    teacher = _fit("lr", data)["teacher"]
    names = [str(value) for value in data.classes.values]
    expected = oracle.predict_proba(data.holdout.inputs)
    expected = expected[:, [list(oracle.classes_).index(name) for name in names]]
    expected = expected[:, 1:] if len(labels) == 2 else expected
    np.testing.assert_allclose(teacher.predictions_holdout, expected, atol=1e-4)


def test_a_class_missing_from_the_training_rows():
    table = _blobs(["a", "b", "c"])
    codes = np.arange(60) % 3
    data = prepare(Table(table.features, table.target), train_fraction=0.7)
    keep = data.train.codes != 1
    train = data.arrange(table, data.train.rows[keep])
    from dataclasses import replace

    teacher = _fit("lr", replace(data, train=train))["teacher"]
    assert teacher.predictions_holdout.shape == (len(data.holdout), 3)
    np.testing.assert_allclose(teacher.predictions_holdout[:, 1], 1e-7, rtol=1e-3)
    np.testing.assert_allclose(teacher.predictions_holdout.sum(axis=1), 1, rtol=1e-6)
    oracle = LogisticRegression().fit(train.inputs, codes[train.rows])
    expected = oracle.predict_proba(data.holdout.inputs)
    np.testing.assert_allclose(teacher.predictions_holdout[:, [0, 2]], expected, atol=1e-4)


def test_no_probabilities_means_calibrated():
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.svm import LinearSVC

    data = _data()
    teacher = _fit("linear_svc", data)["teacher"]
    oracle = CalibratedClassifierCV(LinearSVC(random_state=0), cv=5)
    oracle.fit(data.train.inputs.astype(float), data.train.codes)
    expected = oracle.predict_proba(data.holdout.inputs.astype(float))
    np.testing.assert_allclose(teacher.predictions_holdout, expected, atol=1e-5)
    assert "LinearSVC has no probabilities: calibrated" in " ".join(teacher.notes)


def test_pipelines_and_other_objects():
    data = _data("breast_cancer")
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    teachers = _fit({"pipe": pipeline, "plain": Plain()}, data)
    share = data.train.codes.mean()
    np.testing.assert_allclose(teachers["plain"].predictions_holdout, share, rtol=1e-6)
    assert _fit(pipeline, data)["teacher"].predictions_train.shape == (512, 1)


def test_estimators_inside():
    data = _data()
    from sklearn.ensemble import BaggingClassifier, VotingClassifier
    from sklearn.tree import DecisionTreeClassifier

    trees = "bagging:estimator=dt(max_depth=2),n_estimators=4"
    votes = "voting:estimators=[dt(max_depth=1),dt(max_depth=2),lr]"
    teachers = _fit({"a": trees, "b": votes}, data, seed=5)
    trees = BaggingClassifier(DecisionTreeClassifier(max_depth=2), n_estimators=4, random_state=5)
    votes = VotingClassifier(
        [
            ("x", DecisionTreeClassifier(max_depth=1, random_state=5)),
            ("y", DecisionTreeClassifier(max_depth=2, random_state=5)),
            ("z", LogisticRegression(random_state=5)),
        ],
        voting="soft",
    )
    for alias, oracle in {"a": trees, "b": votes}.items():
        oracle.fit(data.train.inputs.astype(float), data.train.codes)
        expected = oracle.predict_proba(data.holdout.inputs.astype(float))
        np.testing.assert_allclose(teachers[alias].predictions_holdout, expected, atol=1e-5)


def test_asking_again():
    data = _data()
    teacher = _fit("rf:n_estimators=5", data)["teacher"]
    np.testing.assert_array_equal(teacher.predict(data.holdout.inputs), teacher.predictions_holdout)


def test_watching():
    data = _data()
    seen = []
    _fit({"a": "nb", "b": "lr"}, data, on_progress=lambda *news: seen.append(news))
    assert seen[0] == ("a", 0, 150)
    assert [news for news in seen if news[1] == 150] == [("a", 150, 150), ("b", 150, 150)]
    assert {news[2] for news in seen} == {150}


def test_without_holdout_or_teacher():
    data = _data(train_fraction=1.0)
    assert _fit("lr", data)["teacher"].predictions_holdout.shape == (0, 3)
    assert _fit([], data) == {}
    assert _fit(None, data) == {}


@pytest.mark.parametrize(
    ("teacher", "sentence"),
    [
        ("gpcc", "There is no teacher called 'gpcc'. Did you mean 'gpc'"),
        ("RandomForestClasifier", "Did you mean 'RandomForestClassifier'"),
        ("rf:n_estimator=3", "has no setting 'n_estimator'. Did you mean 'n_estimators'"),
        ("rf:n_estimators=-3", "refuses a setting: The 'n_estimators' parameter"),
        ("bagging:estimator=gcp", "no teacher called 'gcp'. Did you mean"),
        (
            "voting",
            r"needs its setting 'estimators', other teachers: 'voting:estimators=\[rf,lr\]'",
        ),
        ("OneVsRestClassifier", "needs its setting 'estimator', another teacher"),
        (["gpc", "rf"], "are both called 'teacher'"),
        (object(), "of type object is not a teacher"),
        (LogisticRegression, "is not a teacher"),
    ],
)
def test_what_is_refused(teacher, sentence):
    with pytest.raises(UsageError, match=sentence):
        _fit(teacher, _data())


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda n: np.full((n, 2), 0.5), "answered with shape"),
        (lambda n: [np.full((n, 3), 1 / 3)] * 2, "answered with shape"),
        (lambda n: np.full((n, 3), np.nan), "answered NaN or infinity for 135 of 135 rows"),
        (lambda n: np.full((n, 3), 0.5), "sum to 1.5 instead of 1 for row 0"),
        (lambda n: np.tile([-0.5, 0.5, 1.0], (n, 1)), "negative probability, -0.5"),
        (lambda n: [["a"] * 3] * n, "other than numbers"),
        (lambda n: None, "answered with shape"),
        (lambda n: 1 / 0, "failed in predict on 135 rows: ZeroDivisionError"),
        (lambda n: sys.exit(0), "failed in predict on 135 rows: SystemExit: 0"),
    ],
)
def test_answers_that_are_no_probabilities(answer, sentence):
    remedy = (
        r"; (use other settings|calibrate it \(--teacher-calibrate sigmoid\)),? or .*teacher\.$"
    )
    with pytest.raises(PluginError, match=f"The teacher 'odd' .*{sentence}.*{remedy}"):
        _fit({"odd": Answers(answer)}, _data())


@pytest.mark.parametrize("does", [lambda: sys.exit(3), lambda: 1 / 0, lambda: [].pop()])
def test_one_that_fails_in_fit(does):
    class Failing(Answers):
        def fit(self, X, y):
            does()

    # Without a name of its own it is called what the user wrote; here, its class.
    sentence = r"The teacher 'Failing' failed in fit on 135 rows: \w+: .*; use other settings, or"
    with pytest.raises(PluginError, match=sentence):
        _fit(Failing(), _data())


@pytest.mark.parametrize("classes", [["cat", "dog", "cow"], [0, 1, 7], [[0, 1, 2]]])
def test_one_that_takes_its_classes_from_elsewhere(classes):
    class Elsewhere(Answers):
        def fit(self, X, y):
            self.classes_ = np.array(classes)
            return self

    with pytest.raises(PluginError, match=r"'Elsewhere' .* says that it knows .* must keep"):
        _fit(Elsewhere(), _data())


def test_one_that_cannot_be_copied():
    class Changing(Answers):
        def __init__(self, answer=None):
            self.answer = [answer]

    with pytest.raises(UsageError, match=r"'Changing' .* cannot be copied .* only keep what"):
        _fit(Changing(), _data())


def test_calibration_needs_rows():
    with pytest.raises(DataError, match="calibrating it needs 2 rows of every class"):
        _fit("svc", _data(train_size=4))


def test_listing_imports_nothing_heavy():
    import subprocess

    program = (
        "import sys, tfloss.teachers, tfloss.data; from tfloss.registry import load_registry;"
        "assert load_registry().teachers['gpc'].summary.startswith('Gaussian');"
        "bad = {'sklearn', 'tensorflow', 'pyarrow', 'scipy', 'joblib'} & set(sys.modules);"
        "sys.exit(', '.join(bad) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
