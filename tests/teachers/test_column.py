"""Predictions that stand in the data."""

import numpy as np
import pytest

from tfloss.data import Table, prepare
from tfloss.errors import DataError, UsageError
from tfloss.registry import load_registry
from tfloss.teachers import fit_teachers

REGISTRY = load_registry()
RANDOM = np.random.default_rng(0)
SHARES = RANDOM.dirichlet([1, 1, 1], size=30)


def _data(classes=3, **extras):
    target = np.arange(30) % classes if classes else RANDOM.normal(size=30)
    table = Table(RANDOM.normal(size=(30, 2)), target, columns=extras)
    return prepare(table, train_fraction=0.6)


def test_one_column_of_two_classes():
    data = _data(2, soft=SHARES[:, 0])
    teacher = fit_teachers("t=column:soft", data, REGISTRY)["t"]
    for answers, part in (
        (teacher.predictions_train, data.train),
        (teacher.predictions_holdout, data.holdout),
    ):
        np.testing.assert_allclose(answers[:, 0], SHARES[part.rows, 0], rtol=1e-6)
    assert (teacher.origin, teacher.rows) == ("column", 0)
    with pytest.raises(UsageError, match="is a column of the data"):
        teacher.predict(data.train.inputs)


def test_a_column_per_class_or_a_matrix():
    data = _data(3, a=SHARES[:, 0], b=SHARES[:, 1], c=SHARES[:, 2], all=SHARES)
    teachers = fit_teachers({"x": "column:a,b,c", "y": "column:all"}, data, REGISTRY)
    for teacher in teachers.values():
        expected = SHARES[data.train.rows]
        np.testing.assert_allclose(teacher.predictions_train, expected, rtol=1e-4, atol=1e-6)
        codes = data.holdout.codes
        said = SHARES[data.holdout.rows][np.arange(len(codes)), codes]
        loss = -np.log(said).mean()
        assert teacher.scores["holdout"]["log_loss"] == pytest.approx(loss, rel=1e-4)


def test_a_quantity():
    values = RANDOM.normal(100, 50, size=30)
    data = _data(None, guess=values)
    teacher = fit_teachers("column:guess", data, REGISTRY)["teacher"]
    np.testing.assert_allclose(teacher.predictions_train[:, 0], values[data.train.rows], rtol=1e-6)


@pytest.mark.parametrize(
    ("column", "values", "error", "sentence"),
    [
        ("sft", SHARES, UsageError, "column 'sft'.*Did you mean 'soft'"),
        ("labels", SHARES, UsageError, "which .* does not have"),
        ("", SHARES, UsageError, "names no column"),
        ("soft", SHARES * 2, DataError, "sum to 2 instead of 1"),
        ("soft", SHARES[:, :2], DataError, r"shape .* where \(\d+, 3\) was expected"),
        ("soft", np.full((30, 3), np.nan), DataError, "no answer in any of 18 rows of soft; fill"),
    ],
)
def test_what_cannot_be_used(column, values, error, sentence):
    with pytest.raises(error, match=sentence):
        fit_teachers(f"column:{column}", _data(3, soft=values), REGISTRY)


@pytest.mark.parametrize("classes", [2, 3, None])
def test_rows_without_an_answer_are_masked(classes):
    values = {2: SHARES[:, 0], 3: SHARES, None: SHARES[:, 1]}[classes].copy()
    values[::4] = np.nan
    data = _data(classes, soft=values)
    teacher = fit_teachers("t=column:soft", data, REGISTRY)["t"]
    for split, part in (("train", data.train), ("holdout", data.holdout)):
        there = part.rows % 4 != 0
        masks = teacher.present(split)
        assert set(masks) == set(teacher.tensors(split))
        np.testing.assert_array_equal(masks["t"], there)
        answers = teacher.tensors(split)["t"]
        assert np.isfinite(answers).all()
        expected = values[part.rows].reshape(len(part), -1)[there]
        np.testing.assert_allclose(answers[there], expected, rtol=1e-4, atol=1e-6)
    assert "8 of 30 rows have no answer" in teacher.notes[0]
    if classes:
        there = data.holdout.rows % 4 != 0
        table = values[data.holdout.rows][there]
        table = np.stack([1 - table, table], axis=1) if classes == 2 else table
        said = table[np.arange(len(table)), data.holdout.codes[there]]
        loss = -np.log(said).mean()
        assert teacher.scores["holdout"]["log_loss"] == pytest.approx(loss, rel=1e-4)
