"""Teachers that `fit` of an attached model fits: out of fold, once, on the rows that train."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LogisticRegression

import tfloss
from tests.keras_integration.models import forward, functional, two_ended

RNG = np.random.default_rng(3)
X = RNG.normal(size=(80, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)
TRAIN, HELD_OUT = slice(None, 60), slice(60, None)
SEEN, UNSEEN = 0.9, 0.2


class Memory(ClassifierMixin, BaseEstimator):
    """Answers 0.9 about a row that it was fitted on, 0.2 about any other."""

    fits = 0

    def fit(self, x, y):
        self.rows_ = {row.astype(np.float32).tobytes() for row in x}
        self.classes_ = np.unique(y)
        Memory.fits += 1
        return self

    def predict_proba(self, x):
        seen = np.array([row.astype(np.float32).tobytes() in self.rows_ for row in x])
        second = np.where(seen, SEEN, UNSEEN)
        return np.stack([1 - second, second], axis=1)


def attached(formula="mse(teacher, prediction) + 0*bce", model=None, **options):
    model = tfloss.attach(model or functional(), formula, **options)
    model.compile(keras.optimizers.SGD(0.0))
    return model


def train(door, model, x, y, **options):
    if door == "fit_model":
        return tfloss.fit_model(model, (x, y), **options).history
    return model.fit(x, y, verbose=0, **options).history


@pytest.mark.parametrize("door", ["attach", "fit_model"])
@pytest.mark.parametrize("held_out", ["split", "data"])
def test_no_row_is_answered_by_a_model_that_saw_it(door, held_out):
    """Against the definition: the mean square distance to 0.2, the answer about unseen rows."""
    model = attached(teacher=Memory())
    if held_out == "split":
        options, rows = {"validation_split": 0.25}, slice(None)
    else:
        options, rows = {"validation_data": (X[HELD_OUT], Y[HELD_OUT])}, TRAIN
    history = train(door, model, X[rows], Y[rows], **options)
    for name, side in (("loss", TRAIN), ("val_loss", HELD_OUT)):
        expected = np.mean((UNSEEN - forward(functional(), X[side])) ** 2)
        assert history[name][0] == pytest.approx(expected, rel=1e-4), name
    assert model.teachers["teacher"].origin == "cross"


def test_fitted_once_for_the_same_rows_and_again_for_others():
    model = attached(teacher=Memory())
    fits = []
    for rows in (slice(60), slice(60), slice(20, 80)):
        before = Memory.fits
        model.fit(X[rows], Y[rows], verbose=0)
        fits.append(Memory.fits - before)
    assert fits == [6, 0, 6]  # five folds, and all rows


def test_kept_in_the_cache(tmp_path):
    for expected in (6, 0):
        before = Memory.fits
        attached(teacher=Memory(), cache=tmp_path).fit(X, Y, verbose=0)
        assert Memory.fits - before == expected


def test_the_rows_it_was_fitted_on_are_answered_so_where_that_is_wanted():
    model = attached(teacher=Memory(), teacher_fit="train")
    found = model.fit(X, Y, verbose=0).history["loss"][0]
    assert found == pytest.approx(np.mean((SEEN - forward(functional(), X)) ** 2), rel=1e-4)


@pytest.mark.parametrize("y", [Y, Y[:, None], Y.astype(np.float32), {"labels": Y}])
def test_by_name_with_labels_in_every_form(y):
    model = attached("bce + kl(teacher=soft)", teacher="soft=lr")
    model.fit(X, y, verbose=0)
    own = LogisticRegression().fit(X, Y).predict_proba(X)[:, 1:]
    teacher = model.teachers["soft"]
    assert np.corrcoef(teacher.predictions_train[:, 0], own[:, 0])[0, 1] > 0.98
    evaluated = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert np.isfinite(evaluated["loss"])


def test_one_hot_labels_are_class_numbers():
    numbers = np.digitize(X[:, 0], [-0.5, 0.5])
    columns = []
    for y in (numbers, np.eye(3, dtype=np.float32)[numbers]):
        model = attached("ce + kd", functional("softmax", 3), teacher="lr")
        model.fit(X, y, verbose=0)
        columns.append(model.teachers["teacher"].predictions_train)
    assert columns[0].shape == (80, 3)
    np.testing.assert_array_equal(*columns)


def test_regression_with_a_deviation():
    target = X[:, 0] + 0.5 * X[:, 1]
    formula = "mse + 0.1*mse(teacher, prediction) + 0.1*mse(teacher.std, prediction)"
    model = attached(
        formula, functional(None), teacher=GaussianProcessRegressor(alpha=0.1), task="regression"
    )
    model.fit(X, target, verbose=0)
    assert np.corrcoef(model.teachers["teacher"].predictions_train[:, 0], target)[0, 1] > 0.8


def test_rows_without_a_label_are_answered_and_not_fitted_on():
    labels = Y.astype(np.float32)
    labels[::4] = np.nan
    model = attached("bce + kl", teacher="lr")
    history = model.fit(X, labels, verbose=0).history
    assert np.isfinite(history["loss"][0])
    assert model.teachers["teacher"].rows == 60


BATCHES = tf.data.Dataset.from_tensor_slices((X, Y)).batch(8)
REFUSED = {
    "a dataset": (lambda m: m.fit(BATCHES, verbose=0), "not fitted, which needs x and y as arrays"),
    "no labels": (lambda m: m.fit(X, verbose=0), "is fitted on labels; pass y"),
    "evaluate": (lambda m: m.evaluate(X, Y, verbose=0), r"fitted by fit\(x, y\), which has not"),
    "a batch": (lambda m: m.train_on_batch(X, Y), r"fitted by fit\(x, y\), which has not"),
    "soft labels": (lambda m: m.fit(X, 0.5 * Y, verbose=0), "class numbers 0 … 1 or one-hot"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_fitted_on_is_refused(case):
    call, sentence = REFUSED[case]
    with pytest.raises(tfloss.TflossError, match=sentence):
        call(attached(teacher=Memory()))


@pytest.mark.parametrize(
    ("teacher", "sentence"),
    [
        ("gcp", "no teacher called 'gcp'. Did you mean 'gpr' or 'gpc'"),
        ("column:soft", r"is a column.*columns=\['teacher'\]"),
        ("lr:fit=sometimes", "cannot have fit=sometimes"),
        (3, "of type int is not a teacher"),
    ],
)
def test_what_cannot_teach_is_refused_at_attach(teacher, sentence):
    with pytest.raises(tfloss.UsageError, match=sentence):
        attached(teacher=teacher)


def test_several_inputs_are_refused():
    model = tfloss.attach(
        two_ended(), "bce(kind.labels, kind.logits) + mse(teacher, kind)", teacher=Memory()
    )
    model.compile("sgd")
    x = {"left": X, "right": X[:, :2]}
    y = {"kind": Y, "price": X[:, 0]}
    with pytest.raises(tfloss.UsageError, match="several"):
        model.fit(x, y, verbose=0)


def test_a_saved_model_takes_its_teacher_again(tmp_path):
    model = attached("bce + kl", teacher="lr", teacher_fit="train")
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    again.teachers = "lr"
    again.fit(X, Y, verbose=0)
    assert again.teachers["teacher"].origin == "train"


def test_inputs_of_its_own():
    """It is fitted on, and later asked about, the rows that are passed for it."""
    own = np.stack([Y, X[:, 1]], axis=1).astype(np.float32)
    model = attached("bce + kl", teacher="lr", teacher_fit="train")
    x = {"inputs": X, "teacher.inputs": own}
    model.fit(x, Y, verbose=0)
    fitted = model.teachers["teacher"]
    assert fitted.estimator.n_features_in_ == 2
    np.testing.assert_allclose(fitted.predictions_train, fitted.predict(own), atol=1e-6)
    assert np.isfinite(model.evaluate(x, Y, verbose=0)[0])


@pytest.mark.parametrize("given", [{}, {"seed": 7}], ids=["Keras' own", "attach's"])
def test_folds_are_those_of_the_seed(given):
    """Of the seed that was set for Keras, or of the one that was given."""
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    noisy = (X[:, 0] + RNG.normal(size=80) > 0).astype(np.int64)
    model = attached("value(teacher) + 0*bce", teacher=LogisticRegression(), **given)
    keras.utils.set_random_seed(1 if given else 7)
    own = train("attach", model, X, noisy)["value(teacher)"][-1]
    folds = StratifiedKFold(5, shuffle=True, random_state=7)
    answers = cross_val_predict(LogisticRegression(), X, noisy, cv=folds, method="predict_proba")
    np.testing.assert_allclose(own, answers[:, 1].mean(), rtol=1e-4)
