"""Teachers' answers in a checkpoint."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

import tfloss
from tfloss.errors import UsageError
from tfloss.io.checked_npz import read_checked, write_checked
from tfloss.teachers import FittedTeacher, fit_teachers
from tfloss.training.checkpoints.teachers import (
    from_arrays,
    predictions_fingerprint,
    teacher_fingerprint,
    to_arrays,
)


def test_teachers_come_back_as_they_were(registry, tmp_path):
    data = tfloss.load_data("breast_cancer", train_size=60, test_size=20)
    teachers = fit_teachers({"one": "lr", "two": "nb"}, data, registry)
    arrays, about = to_arrays(teachers)
    write_checked(tmp_path / "start.npz", arrays, about)
    back = from_arrays(*read_checked(tmp_path / "start.npz"))
    assert list(back) == ["one", "two"]
    assert predictions_fingerprint(back) == predictions_fingerprint(teachers)
    for alias, teacher in teachers.items():
        for field in fields(FittedTeacher):
            if field.name != "fit":
                old, new = getattr(teacher, field.name), getattr(back[alias], field.name)
                np.testing.assert_equal(new, old, field.name)
    with pytest.raises(UsageError, match="'two' was not fitted: its answers come from the"):
        _ = back["two"].estimator


def test_what_was_asked_for_is_compared_by_value():
    def asked(teacher, **options):
        return teacher_fingerprint(teacher, seed=0, **options)

    assert asked(LogisticRegression()) == asked(LogisticRegression())
    assert asked(LogisticRegression()) != asked(LogisticRegression(C=2))
    assert asked(LogisticRegression()) != asked(GaussianNB())
    assert asked("lr") == asked("lr") != asked("nb")
    assert asked({"a": "lr"}) != asked({"b": "lr"})
    assert asked("lr", fit="cross") != asked("lr", fit="train")
    assert asked(()) == asked(None) == []
