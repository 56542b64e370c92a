"""What teachers see of the features: scaled, unscaled, or the user's own data frame."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import tfloss
from tfloss.errors import DataError, UsageError
from tfloss.registry import load_registry
from tfloss.sklearn import DistilledClassifier
from tfloss.teachers import fit_teachers, save_teacher

pandas = pytest.importorskip("pandas")
MIXED = Path(__file__).parents[1] / "data" / "tables" / "mixed.csv"
TEXTS, NUMBERS = ["city", "deck"], ["age", "fare"]


def _pipeline(texts=TEXTS, numbers=NUMBERS):
    parts = ColumnTransformer(
        [
            ("texts", OneHotEncoder(handle_unknown="ignore"), texts),
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
        ]
    )
    return make_pipeline(parts, LogisticRegression())


@pytest.fixture(scope="module")
def frame():
    return pandas.read_csv(MIXED, parse_dates=["day"])


@pytest.fixture(scope="module")
def data(frame):
    return tfloss.load_data(frame, target="answer", drop="id")


def _fitted(teacher, data, **options):
    return fit_teachers(teacher, data, load_registry(), fit="train", **options)["teacher"]


def _rows(frame, part):
    return frame.iloc[part.rows]


@pytest.mark.parametrize(
    "columns",
    [(TEXTS, NUMBERS), (make_column_selector(dtype_include=object), NUMBERS)],
    ids=["names", "selector"],
)
def test_a_pipeline_that_selects_columns_by_name(frame, data, columns):
    if not isinstance(columns[0], list):  # pandas 3 has a type for text
        columns = (make_column_selector(pattern="city|deck"), NUMBERS)
    teacher = _fitted(_pipeline(*columns), data)
    train, holdout = _rows(frame, data.train), _rows(frame, data.holdout)
    oracle = _pipeline().fit(train, train["answer"])
    expected = oracle.predict_proba(holdout)[:, 1:]
    np.testing.assert_allclose(teacher.predictions_holdout, expected, atol=1e-6)
    np.testing.assert_allclose(teacher.predict(data.holdout), expected, atol=1e-6)


def test_one_that_was_fitted_on_the_very_frame(frame, data):
    """Also with its columns in another order, and with fewer of them."""
    train, holdout = _rows(frame, data.train), _rows(frame, data.holdout)
    columns = ["deck", "age", "fare", "city"]
    oracle = _pipeline().fit(train[columns], train["answer"])
    teacher = _fitted(oracle, data)
    expected = oracle.predict_proba(holdout[columns])[:, 1:]
    np.testing.assert_allclose(teacher.predictions_holdout, expected, atol=1e-6)


def test_a_skops_file_by_column_names_and_rows_that_it_saw(frame, data, tmp_path):
    train, holdout = _rows(frame, data.train), _rows(frame, data.holdout)
    columns = ["city", "deck", "age", "fare", "day"]
    for rows, name in ((train, "fair"), (frame, "seen")):
        oracle = _pipeline().fit(rows[columns], rows["answer"])
        save_teacher(oracle, tmp_path / f"{name}.skops", rows[columns])
    teacher = _fitted(str(tmp_path / "fair.skops"), data)
    oracle = _pipeline().fit(train[columns], train["answer"])
    expected = oracle.predict_proba(holdout[columns])[:, 1:]
    np.testing.assert_allclose(teacher.predictions_holdout, expected, atol=1e-6)
    with pytest.raises(DataError, match=r"fitted on \d+ of the 12 rows that are held out"):
        _fitted(str(tmp_path / "seen.skops"), data)


def test_an_estimator_gets_features_as_the_user_has_them():
    """A logarithm of standardised features would be NaN."""
    random = np.random.default_rng(0)
    features = random.lognormal(size=(80, 3))
    target = (features[:, 0] > 1).astype(int)
    data = tfloss.load_data((features, target))
    seen = []

    def logarithm(rows):
        seen.append(rows.copy())
        return np.log(rows)

    _fitted(make_pipeline(FunctionTransformer(logarithm), LogisticRegression()), data)
    np.testing.assert_array_equal(seen[0], features[data.train.rows])
    _fitted(
        make_pipeline(FunctionTransformer(lambda rows: rows), LogisticRegression()),
        data,
        inputs="scaled",
    )


def test_a_teacher_by_its_name_gets_what_the_student_gets(data):
    named = _fitted("lr:max_iter=500", data)
    ours = LogisticRegression(max_iter=500).fit(data.train.inputs, data.train.codes)
    expected = ours.predict_proba(data.holdout.inputs)[:, 1:]
    np.testing.assert_allclose(named.predictions_holdout, expected, atol=1e-4)
    tree = DecisionTreeClassifier(random_state=0)
    raw = _fitted(tree, data)
    encoded = data.encoder.transform(
        data.train.features[:, [data.source.names.index(n) for n in data.encoder.names]],
        data.source.levels,
    )
    np.testing.assert_array_equal(
        raw.predictions_train[:, 0] > 0.5,
        tree.fit(encoded, data.train.codes).predict_proba(encoded)[:, 1] > 0.5,
    )


def test_the_cross_fit_of_a_frame(data):
    teacher = fit_teachers(_pipeline(), data, load_registry(), fit="cross")["teacher"]
    assert np.isfinite(teacher.predictions_train).all()
    assert "out of fold" in teacher.scores


def test_words_that_there_are_not(data):
    with pytest.raises(UsageError, match="cannot have inputs=raw"):
        _fitted("lr", data, inputs="raw")


def test_estimators_of_scikit_learn_have_frames_too(frame):
    """The network has numbers; its teacher selects columns by name, of the same frame."""
    numbers = frame[["fare", "id"]].assign(id=frame["id"] % 7)
    parts = ColumnTransformer([("one", StandardScaler(), ["fare"])])
    teacher = make_pipeline(parts, LogisticRegression())
    model = DistilledClassifier(teacher=teacher, epochs=2, random_state=0)
    model.fit(numbers, frame["answer"])
    assert model.predict_proba(numbers).shape == (120, 2)
    model.set_params(
        teacher=make_pipeline(parts, LogisticRegression()).fit(numbers, frame["answer"])
    )
    model.fit(numbers, frame["answer"])
