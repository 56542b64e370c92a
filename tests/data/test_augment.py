"""Rows added for a teacher to label."""

import numpy as np
import pytest

from tfloss.data import Table, augment, load_dataset, prepare
from tfloss.errors import UsageError
from tfloss.registry import load_registry
from tfloss.teachers import fit_teachers

REGISTRY = load_registry()


@pytest.fixture(scope="module")
def data():
    iris = load_dataset("iris", REGISTRY)
    extras = {"w": np.arange(150.0), "soft": np.full((150, 3), 1 / 3)}
    table = Table(iris.features, iris.target, columns=extras, weight="w")
    return prepare(table, train_fraction=0.8)


def test_new_rows_stand_behind_the_old_ones(data):
    more = augment(data, times=10, noise=0.25)
    old, new = len(data.train), len(more.train) - len(data.train)
    assert new == 10 * old
    for name, values in data.train.values.items():
        np.testing.assert_array_equal(more.train.values[name][:old], values)
        assert more.train.values[name].dtype == np.float32
    for name in ("labels", "w", "soft"):
        expected = np.arange(old + new) < old
        np.testing.assert_array_equal(more.train.present[name], expected)
    assert (more.train.codes[old:] == -1).all()
    assert more.holdout is data.holdout


def test_the_noise_has_the_size_asked_for(data):
    more = augment(data, times=50, noise=0.25, seed=1)
    old = len(data.train)
    by_row = {row: place for place, row in enumerate(data.train.rows)}
    origin = [by_row[row] for row in more.train.rows[old:]]
    moved = more.train.inputs[old:] - data.train.inputs[origin]
    expected = 0.25 * data.train.inputs.std(axis=0)
    np.testing.assert_allclose(moved.std(axis=0), expected, rtol=0.05)
    weights = data.train.sample_weight[origin]
    np.testing.assert_array_equal(more.train.sample_weight[old:], weights)


def test_the_teacher_answers_but_does_not_learn_from_them(data):
    more = augment(data, times=2)
    fitted, plain = (fit_teachers("lr", one, REGISTRY)["teacher"] for one in (more, data))
    assert fitted.rows == plain.rows
    np.testing.assert_array_equal(fitted.predictions_holdout, plain.predictions_holdout)
    assert fitted.predictions_train.shape == (3 * len(data.train), 3)


def test_a_column_has_no_answer_for_added_rows_which_are_masked(data):
    more = augment(data, times=2)
    present = fit_teachers("column:soft", more, REGISTRY)["teacher"].present("train")["teacher"]
    np.testing.assert_array_equal(present, np.arange(len(more.train)) < len(data.train))


def test_nothing_and_nonsense(data):
    assert augment(data, times=0) is data
    for wrong in ({"times": -1}, {"noise": -1}, {"noise": np.nan}):
        with pytest.raises(UsageError, match="give 0 or more"):
            augment(data, **wrong)


def test_regression():
    data = prepare(load_dataset("diabetes", REGISTRY))
    more = augment(data)
    assert len(more.train.codes) == 0
    assert not more.train.labelled[len(data.train) :].any()
