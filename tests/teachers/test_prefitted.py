"""Teachers fitted before: as objects and as files, checked and not refitted."""

from types import SimpleNamespace

import joblib
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC

from tfloss.data import Table, load_dataset, prepare
from tfloss.errors import DataError, UsageError
from tfloss.registry import load_registry
from tfloss.teachers import PrefittedTeacher, fit_teachers
from tfloss.teachers.prefitted import is_fitted, stored_holdout_rows

from .spies import Answers, Plain

skops = pytest.importorskip("skops.io")
REGISTRY = load_registry()


@pytest.fixture(scope="module")
def table():
    iris = load_dataset("iris", REGISTRY)
    names = np.array(["setosa", "versicolor", "virginica"], dtype=object)
    return Table(iris.features, names[iris.target], iris.feature_names)


@pytest.fixture(scope="module")
def data(table):
    return prepare(table, train_fraction=0.6)


def _fitted(estimator, table, data):
    rows = data.train.rows
    return estimator.fit(table.features[rows], table.target[rows].astype(str))


def test_it_is_asked_as_it_is_about_unscaled_rows(table, data):
    forest = _fitted(RandomForestClassifier(20, random_state=0), table, data)
    trees = list(forest.estimators_)
    teacher = fit_teachers({"old": forest}, data, REGISTRY)["old"]
    assert teacher.origin == "prefitted"
    assert teacher.estimator is forest
    assert forest.estimators_ == trees
    expected = forest.predict_proba(table.features[data.holdout.rows])
    np.testing.assert_allclose(teacher.predictions_holdout, expected, atol=1e-6)
    assert "not refitted" in teacher.notes[0]


def test_scaled_inputs_on_request(table, data):
    target = table.target[data.train.rows].astype(str)
    own = LogisticRegression().fit(data.train.inputs, target)
    teacher = fit_teachers({"old": PrefittedTeacher(own, scaled=True)}, data, REGISTRY)["old"]
    expected = own.predict_proba(data.holdout.inputs)
    np.testing.assert_allclose(teacher.predictions_holdout, expected, atol=1e-5)


def test_a_file(table, data, tmp_path):
    forest = _fitted(RandomForestClassifier(20, random_state=0), table, data)
    path = tmp_path / "my forest.skops"
    skops.dump(forest, path)
    teacher = fit_teachers(f"old={path}", data, REGISTRY)["old"]
    expected = forest.predict_proba(table.features[data.holdout.rows])
    np.testing.assert_allclose(teacher.predictions_holdout, expected, atol=1e-6)
    with pytest.raises(UsageError, match=r"There is no file .* Did you mean 'my forest\.skops'"):
        fit_teachers(f"old={tmp_path / 'my forrest.skops'}", data, REGISTRY)
    with pytest.raises(UsageError, match="cannot have scaled=maybe; say true or false"):
        fit_teachers(f"old={path}:scaled=maybe", data, REGISTRY)
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(DataError, match=r"cannot be loaded: .*; save it again"):
        fit_teachers(f"old={path}", data, REGISTRY)


def test_types_that_nobody_vouched_for(table, data, tmp_path):
    path = tmp_path / "own.skops"
    skops.dump(_fitted(Answers(), table, data), path)
    with pytest.raises(UsageError, match=r"nobody has vouched for: .*Answers; .*trust=\["):
        fit_teachers(str(path), data, REGISTRY)
    kind = f"{Answers.__module__}.Answers"
    with pytest.raises(Exception, match="failed in predict"):  # it is loaded, and has no answers
        fit_teachers(f"{path}:trust=[{kind}]", data, REGISTRY)


def test_a_file_that_is_no_model(data, tmp_path):
    (tmp_path / "x.skops").write_bytes(b"nothing")
    with pytest.raises(DataError, match="cannot be loaded"):
        fit_teachers(str(tmp_path / "x.skops"), data, REGISTRY)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("code from a pickle was run",))


@pytest.mark.parametrize("ending", ["pkl", "pickle", "joblib"])
def test_pickles_are_refused_unopened(data, tmp_path, ending):
    path = tmp_path / f"x.{ending}"
    joblib.dump(Bomb(), path)
    with pytest.raises(UsageError, match=r"runs whatever code it holds; .*skops\.io\.dump"):
        fit_teachers(str(path), data, REGISTRY)


def test_other_features(table, data):
    three = LogisticRegression().fit(table.features[:, :3], table.target.astype(str))
    with pytest.raises(
        DataError, match="'LogisticRegression' was fitted on 3 features, but 'data' has 4"
    ):
        fit_teachers(three, data, REGISTRY)
    renamed = _fitted(LogisticRegression(), table, data)
    renamed.feature_names_in_ = np.array(["a", *table.feature_names[1:]], dtype=object)
    with pytest.raises(DataError, match="its feature 1 is 'a', that of 'data' is 'sepal length"):
        fit_teachers(renamed, data, REGISTRY)


def test_other_classes(table, data):
    rows = data.train.rows
    target = np.char.add(table.target[rows].astype(str), "!")
    other = LogisticRegression().fit(table.features[rows], target)
    with pytest.raises(DataError, match=r"knows the classes setosa!.*but 'data' has setosa"):
        fit_teachers(other, data, REGISTRY)


def test_a_class_that_it_does_not_know(table, data):
    rows = data.train.rows[data.train.codes != 1]
    two = LogisticRegression().fit(table.features[rows], table.target[rows].astype(str))
    teacher = fit_teachers(two, data, REGISTRY)["teacher"]
    np.testing.assert_allclose(teacher.predictions_train[:, 1], 1e-7, rtol=1e-3)
    assert "does not know these classes: versicolor" in " ".join(teacher.notes)


def test_without_probabilities(table, data):
    machine = _fitted(SVC(), table, data)
    with pytest.raises(UsageError, match="fitted before and has no probabilities"):
        fit_teachers(machine, data, REGISTRY)
    teacher = fit_teachers(machine, data, REGISTRY, calibrate="none")["teacher"]
    found = data.classes.values[teacher.predictions_holdout.argmax(axis=1)]
    expected = machine.predict(table.features[data.holdout.rows])
    np.testing.assert_array_equal(found.astype(str), expected)


def test_the_wrong_kind(table, data):
    regression = prepare(load_dataset("diabetes", REGISTRY))
    ten = LogisticRegression().fit(regression.train.inputs, np.arange(397) % 2)
    with pytest.raises(UsageError, match="is a classifier, but the data are for regression"):
        fit_teachers(ten, regression, REGISTRY)
    with pytest.raises(UsageError, match="is a regressor, but the data have classes"):
        fit_teachers(Ridge(), data, REGISTRY)


@pytest.mark.parametrize("scale", ["standard", "minmax", "none"])
def test_one_that_saw_the_holdout_is_refused(table, scale):
    data = prepare(table, train_fraction=0.6, scale=scale)
    target = table.target.astype(str)
    with pytest.raises(DataError, match=r"was fitted on \d+ of the 60 rows that are held out"):
        fit_teachers(KNeighborsClassifier().fit(table.features, target), data, REGISTRY)
    with pytest.raises(DataError, match="are held out"):
        fit_teachers(SVC().fit(table.features, target), data, REGISTRY, calibrate="none")
    fair = fit_teachers(_fitted(KNeighborsClassifier(), table, data), data, REGISTRY)["teacher"]
    assert "is not known" not in " ".join(fair.notes)


def test_one_that_keeps_no_rows_cannot_be_checked(table, data):
    fitted = _fitted(LogisticRegression(), table, data)
    assert "is not known" in " ".join(fit_teachers(fitted, data, REGISTRY)["teacher"].notes)
    everything = prepare(table, train_fraction=1.0)
    notes = fit_teachers(fitted, everything, REGISTRY)["teacher"].notes
    assert "is not known" not in " ".join(notes)


def test_the_reviewed_types_suffice_for_the_short_names(table, data, tmp_path):
    from tfloss.teachers import build_estimator, parse_teacher

    for name in ("gpc", "rf", "et", "hgb", "gb", "lr", "knn", "nb", "mlp", "dt", "lda", "ada"):
        settings = ":max_iter=5" if name in ("mlp", "hgb") else ""
        settings = ":n_estimators=3" if name in ("rf", "et", "gb", "ada") else settings
        estimator = build_estimator(parse_teacher(name + settings), REGISTRY)
        path = tmp_path / f"{name}.skops"
        skops.dump(_fitted(estimator, table, data), path)
        teacher = fit_teachers(str(path), data, REGISTRY)["teacher"]
        expected = estimator.predict_proba(table.features[data.holdout.rows])
        np.testing.assert_allclose(teacher.predictions_holdout, expected, atol=2e-3)


# -- rows that an estimator stores -----------------------------------------------------------------

ZEROS = np.array([[0.0, 1.0], [2.0, 0.0]])
SIGNED = np.array([[-0.0, 1.0], [2.0, -0.0]])  # the same numbers, other bytes
ELSEWHERE = np.array([[5.0, 6.0]])


def _neighbours(rows):
    return KNeighborsClassifier(1).fit(rows, np.arange(len(rows)))


@pytest.mark.parametrize(("stored", "held_out"), [(SIGNED, ZEROS), (ZEROS, SIGNED)])
def test_a_zero_is_the_same_row_with_either_sign(stored, held_out):
    assert stored_holdout_rows(_neighbours(stored), ELSEWHERE, held_out) == 2
    assert stored_holdout_rows(_neighbours(stored), stored, held_out) == 0  # they train as well
    assert stored_holdout_rows(_neighbours(ELSEWHERE), stored, held_out) == 0


def test_rows_are_found_in_estimators_in_an_array_of_objects():
    """As gradient boosting keeps its trees: an array (stages, classes) of estimators."""
    members = np.empty((2, 2), dtype=object)  # as many columns as features, but no row
    members[:] = [[_neighbours(ELSEWHERE), _neighbours(ZEROS[:1])], [_neighbours(ZEROS), 3.0]]
    for parts in (members, members.ravel(), members.ravel().tolist(), {"of": tuple(members)}):
        ensemble = SimpleNamespace(estimators_=parts)
        assert stored_holdout_rows(ensemble, ELSEWHERE, ZEROS) == 2
    assert stored_holdout_rows(SimpleNamespace(estimators_=members[:1]), ELSEWHERE, ZEROS) == 1


def test_what_holds_itself_or_reaches_deep_is_looked_at_and_comes_to_an_end():
    ring = SimpleNamespace(rows=ZEROS)
    ring.itself = [ring]
    assert stored_holdout_rows(ring, ELSEWHERE, ZEROS) == 2
    deep = [ZEROS]
    for _ in range(5000):  # deeper than Python's stack
        deep = [deep]
    assert stored_holdout_rows(SimpleNamespace(deep=deep, rows=ZEROS), ELSEWHERE, ZEROS) == 2


# -- what counts as fitted -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimator", "fitted"),
    [
        (LogisticRegression(), False),
        (LogisticRegression, False),
        (LogisticRegression().fit(ZEROS, [0, 1]), True),
        (Ridge().fit(ZEROS, [0, 1]), True),  # knows features, and no classes
        (Answers().fit(ZEROS, [0, 1]), True),  # knows classes, and not how many features
        (Plain(), False),  # not of scikit-learn's kind: nobody can tell
        (
            FunctionTransformer(),
            False,
        ),  # nothing to fit: passes scikit-learn's check
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, bool) else str(value),
)
def test_what_counts_as_fitted(estimator, fitted):
    assert is_fitted(estimator) is fitted


@pytest.mark.parametrize(
    ("calibrate", "told"), [("auto", 0), ("none", 0), ("sigmoid", 1), ("isotonic", 1)]
)
def test_one_that_was_fitted_is_not_calibrated_and_says_so(table, data, calibrate, told):
    known = _fitted(LogisticRegression(), table, data)
    teacher = fit_teachers({"old": known}, data, REGISTRY, calibrate=calibrate)["old"]
    note = "It was fitted before, and is therefore not calibrated here."
    assert sum(one.endswith(note) for one in teacher.notes) == told
    expected = known.predict_proba(table.features[data.holdout.rows])
    np.testing.assert_allclose(teacher.predictions_holdout, expected, atol=1e-6)
