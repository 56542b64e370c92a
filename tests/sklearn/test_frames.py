"""Data frames with text, dates, categories and gaps in X."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tfloss.errors import DataError
from tfloss.lazy import keras
from tfloss.sklearn import TRUSTED, DistilledClassifier, DistilledRegressor

pandas = pytest.importorskip("pandas")

FAST = {"epochs": 15, "hidden": (6,), "optimizer": "adam:learning_rate=0.02", "random_state": 0}
CITIES = np.array(["Rome", "Oslo", "Lima"])


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(0)
    city = CITIES[np.arange(40) % 3]
    age = random.normal(40, 9, size=40)
    age[::7] = np.nan
    frame = pandas.DataFrame(
        {"age": age, "city": city, "size": random.normal(size=40), "zone": np.arange(40) % 2}
    )
    frame["zone"] = frame["zone"].astype("category")
    return frame, np.where(city == "Rome", "south", "other")


@pytest.fixture(scope="module")
def fitted(rows):
    return DistilledClassifier("bce", **FAST).fit(*rows)


def test_it_is_the_pipeline_of_scikit_learns_transformers(fitted, rows):
    frame, y = rows
    encode = ColumnTransformer(
        [
            ("age", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), ["age"]),
            ("size", StandardScaler(), ["size"]),
            ("gaps", MissingIndicator(), ["age"]),
            ("texts", OneHotEncoder(), ["city", "zone"]),
        ]
    )
    alone = make_pipeline(encode, DistilledClassifier("bce", scale="none", **FAST)).fit(frame, y)
    np.testing.assert_allclose(
        fitted.predict_proba(frame), alone.predict_proba(frame), rtol=1e-4, atol=1e-5
    )
    assert fitted.feature_names_in_.tolist() == ["age", "city", "size", "zone"]
    assert fitted.n_features_in_ == 4


def test_new_categories_gaps_and_arrays_are_predicted(fitted, rows):
    frame, _ = rows
    new = frame[:2].copy()
    new["city"] = ["Atlantis", None]
    new.loc[0, "size"] = np.nan  # no gap in training
    assert np.isfinite(fitted.predict_proba(new)).all()
    with pytest.warns(UserWarning, match="valid feature names"):
        found = fitted.predict_proba(frame.to_numpy(dtype=object))
    np.testing.assert_array_equal(found, fitted.predict_proba(frame))
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.predict(frame[["city", "age", "size", "zone"]])
    with pytest.raises(DataError, match="'age' of 'DistilledClassifier' holds 'old' in row 1"):
        fitted.predict(frame[:2].assign(age=[3.0, "old"]))


def test_it_travels_without_code(fitted, rows, tmp_path):
    import skops.io

    frame, _ = rows
    expected = fitted.predict_proba(frame)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(frame), expected)
    skops.io.dump(fitted, tmp_path / "model.skops")
    again = skops.io.load(tmp_path / "model.skops", trusted=list(TRUSTED))
    np.testing.assert_array_equal(again.predict_proba(frame), expected)
    fitted.export(tmp_path / "model.keras", frame)
    network = keras.models.load_model(tmp_path / "model.keras")
    names = [one.name for one in network.inputs]
    assert sorted(names) == ["age", "city", "size", "zone"]


def test_parts_and_further_fits_keep_the_first_ones_encoding(rows):
    frame, y = rows
    model = DistilledClassifier("bce", warm_start=True, **FAST)
    model.partial_fit(frame[:20], y[:20], classes=["other", "south"])
    first = model.network_.encoder
    weight = np.arange(20) % 3  # rows of weight 0 are left out
    model.partial_fit(frame[20:].assign(city="Oslo"), y[20:], sample_weight=weight)
    assert model.network_.encoder is first
    model.fit(frame, y)
    assert model.network_.encoder is first


def test_weights_select_what_is_encoded(rows):
    frame, y = rows
    weight = (frame["city"] != "Oslo").to_numpy() * 1.0
    model = DistilledClassifier("bce", **FAST).fit(frame, y, sample_weight=weight)
    assert model.network_.encoder.categories["city"].levels == ("Lima", "Rome")
    assert cross_val_score(DistilledClassifier("bce", **FAST), frame, y, cv=2).mean() > 0.7


def test_teachers_see_the_frame_where_they_select_by_name(rows):
    frame, y = rows
    texts = make_column_selector(dtype_exclude="number")
    chosen = ColumnTransformer([("texts", OneHotEncoder(handle_unknown="ignore"), texts)])
    for teacher in (make_pipeline(chosen, LogisticRegression()), LogisticRegression()):
        model = DistilledClassifier("bce + kd", teacher=teacher, **FAST).fit(frame, y)
        assert model.score(frame, y) > 0.7
    regressor = DistilledRegressor(teacher=Ridge(), **FAST).fit(frame, np.arange(40.0))
    assert regressor.predict(frame).shape == (40,)


def test_text_in_an_array_is_refused_in_one_sentence(rows):
    frame, y = rows
    text = frame[["size", "city"]].to_numpy(dtype=object)
    with pytest.raises(ValueError, match=r"^X holds the text 'Rome', and DistilledClassifier .*"):
        DistilledClassifier("bce", **FAST).fit(text, y)
    model = DistilledRegressor(**{**FAST, "epochs": 1}).fit(frame[["size"]], np.arange(40.0))
    with pytest.raises(ValueError, match="was fitted on numbers; fix the column"):
        model.predict(frame[["city"]].rename(columns={"city": "size"}))
    with pytest.raises(DataError, match="holds text, but training had numbers"):
        model.set_params(warm_start=True).fit(frame[["city"]].set_axis(["size"], axis=1), y == "x")


def test_a_column_of_the_type_category_is_a_category_everywhere(rows):
    import tfloss

    frame, y = rows
    for data in (
        tfloss.load_data((frame, y)),
        tfloss.load_data(frame.assign(side=y), target="side"),
        tfloss.load_data(tfloss.Table(frame, y)),
    ):
        assert data.source.kinds["zone"] == "category"
