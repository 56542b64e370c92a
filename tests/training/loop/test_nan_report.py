"""The words about a bad step: which rows, how many more, and what to do."""

from __future__ import annotations

import numpy as np
import pytest

from tfloss.lazy import tf
from tfloss.training.loop import nan_report
from tfloss.training.loop.nan_report import StepRows, diagnose, without_meaning
from tfloss.training.program.batch import Batch

NOT_FINITE = np.array([np.nan, 1.0, 2.0], np.float32)  # the total, and two terms


class Steps:
    """A training of two terms: rows whose number is `bad` have a total that is not finite."""

    names = ("first", "second")

    def __init__(self, bad=lambda numbers: numbers < 0, gradients_break=False):
        self.weight = tf.Variable([1.0], name="weight")
        self.variables, self.forward = [self.weight], self
        self.bad, self.gradients_break = bad, gradients_break
        self.restored, self.modes, self.modes_of_terms = 0, set(), set()

    def __call__(self, batch, step, *, training):
        self.modes.add(training)
        bad = self.bad(batch.tensors["inputs"][:, 0])
        return tf.reduce_sum(tf.where(bad, np.float32(np.nan), 1.0)), None

    def terms(self, batch, step, *, training):
        self.modes_of_terms.add(training)
        value = self.weight[0]
        return [value, tf.sqrt(value - 1) if self.gradients_break else value]

    def snapshot(self):
        return "before"

    def restore(self, before):
        assert before == "before"
        self.restored += 1


def rows(numbers, **columns):
    inputs = np.asarray(numbers, np.float32)[:, None]
    tensors = {name: tf.constant(values) for name, values in {"inputs": inputs, **columns}.items()}
    return StepRows([int(n) for n in numbers], Batch(tensors, {}), "the data")


def said(steps, numbers, values=NOT_FINITE, **columns):
    text = diagnose(steps, (7, values), lambda step: rows(numbers, **columns))
    assert steps.restored == 1
    assert text.startswith("At step 7 ")
    assert " The weights are those of step 7. " in text
    return text


@pytest.mark.parametrize(
    ("values", "subject"),
    [
        ([np.nan, np.inf, 1.0], "the value of 'first' is"),
        ([np.nan, -np.inf, np.nan], "the value of 'first' and 'second' is"),
        ([np.inf, 1.0, 1.0], "the sum of the terms is"),
        ([1.0, 1.0, 1.0], "a weight after the update, though the loss and its gradients are, is"),
    ],
)
def test_what_is_not_finite(values, subject):
    assert f"At step 7 {subject} not a finite number" in said(Steps(), [3, 4], np.array(values))


def test_a_gradient_that_is_not_finite_though_the_value_is():
    steps = Steps(gradients_break=True)
    text = said(steps, [3], np.ones(3))
    assert "the gradient of 'second' by 'weight" in text
    assert "'first'" not in text
    assert steps.modes_of_terms == {True}  # as the step was trained


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, ", on row 0 of the data."),
        (2, ", on rows 0, 1 of the data."),
        (5, ", on rows 0, 1, 2, 3, 4 of the data."),
        (6, ", on rows 0, 1, 2, 3, 4 and 1 more of the data."),
        (9, ", on rows 0, 1, 2, 3, 4 and 4 more of the data."),
    ],
)
def test_five_rows_are_shown(count, words):
    text = said(Steps(), range(count))
    assert words in text
    assert text.endswith("Lower the learning rate or a coefficient (on_nan='lower' halves the rate "
                         "by itself).")  # fmt: skip


def test_a_row_that_is_bad_by_itself_is_named():
    steps = Steps(bad=lambda numbers: numbers == 12)
    text = said(steps, [11, 12, 13])
    assert ", because of row 12 of the data. " in text
    assert "Look at these rows. Lower the learning rate" in text
    assert steps.modes == {False}  # dropout would hide it


def test_where_each_row_is_bad_none_is_to_blame():
    assert ", on rows 11, 12 of the data." in said(Steps(bad=lambda n: n > 0), [11, 12])


def test_many_rows_are_not_looked_at_one_by_one(monkeypatch):
    monkeypatch.setattr(nan_report, "_ROWS_ALONE", 3)
    bad = lambda numbers: numbers == 2  # noqa: E731
    assert "because of row 2 of" in said(Steps(bad), [1, 2, 3])
    assert ", on rows 1, 2, 3, 4 of" in said(Steps(bad), [1, 2, 3, 4])


def test_a_loss_that_refuses_a_single_row_blames_the_batch():
    def refuses(numbers):
        raise ValueError("two rows or more")

    assert ", on rows 1, 2 of the data." in said(Steps(refuses), [1, 2])


def test_columns_that_are_not_finite_are_named_with_their_rows():
    columns = {
        "labels": np.array([1.0, np.nan, 3.0], np.float32),
        "codes": np.array([1, 2, 3]),
        "teacher": np.array([[0.5, np.inf], [0.5, 0.5], [-np.inf, 0.5]], np.float32),
    }
    text = said(Steps(), [5, 6, 7], **columns)
    assert "number: 'labels' is not finite in row 6 of the data; " in text
    assert "; 'teacher' is not finite in rows 5, 7 of the data. The weights" in text
    assert text.endswith("Fix these rows, or skip such steps with on_nan='skip' (--on-nan skip).")
    found = without_meaning(rows([5, 6, 7], **columns).batch)
    assert {name: bad.tolist() for name, bad in found.items()} == {
        "labels": [False, True, False],
        "teacher": [True, False, True],
    }
