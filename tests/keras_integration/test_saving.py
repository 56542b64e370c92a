"""Saved, loaded in a new process, trained on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import tfloss
from tests.keras_integration.models import Subclassed, data, functional

X, Y = data()
FORMULA = "bce + 0.1*abs_kl + 1e-3*l2(hidden) + mse(hidden, 0*hidden)"
PROGRAM = """
import sys
import tfloss
import numpy as np, keras
model = keras.models.load_model(sys.argv[1])
data = np.load(sys.argv[2])
assert model.formula == str(data["formula"]), model.formula
np.testing.assert_allclose(model.predict(data["x"], verbose=0), data["answers"], rtol=1e-5)
x = {"inputs": data["x"], "teacher": data["teacher"]}
history = model.fit(x, data["y"], batch_size=8, epochs=1, shuffle=False, verbose=0).history
assert abs(history["loss"][0] - data["loss"]) < 1e-5, history
assert set(history) == {*model.term_names, "loss", "accuracy"}, history
"""


def test_a_new_process_loads_it_and_trains_on(tmp_path):
    teacher = LogisticRegression().fit(X, Y)
    model = tfloss.attach(functional(), FORMULA, teacher=teacher)
    model.compile(keras.optimizers.Adam(0.01), metrics=["accuracy"])
    model.fit(X, Y, epochs=2, batch_size=8, shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    answers = model.predict(X, verbose=0)
    x = model.with_columns(X)
    loss = model.fit(x, Y, batch_size=8, epochs=1, shuffle=False, verbose=0).history["loss"][0]
    np.savez(
        tmp_path / "data.npz", x=X, y=Y, answers=answers, teacher=x["teacher"], loss=loss,
        formula=model.formula,
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path / "model.keras", tmp_path / "data.npz"],
        capture_output=True, text=True, env={**os.environ}, check=False,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_subclassed_model_comes_back(tmp_path):
    model = tfloss.attach(Subclassed(), "bce + mse(middle, 0*middle)")
    model.compile("adam")
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-5)
    assert loaded.evaluate(X, Y, verbose=0) == pytest.approx(model.evaluate(X, Y, verbose=0))


def test_the_model_inside_needs_no_tfloss(tmp_path):
    model = tfloss.attach(functional(), "bce")
    model.model.save(tmp_path / "plain.keras")
    assert type(keras.models.load_model(tmp_path / "plain.keras")).__name__ == "Functional"


def test_a_loss_of_ones_own_is_handed_over_when_loading(tmp_path):
    @tfloss.loss
    def third(labels, probs):
        return ((labels - probs) ** 2)[:, 0] / 3

    model = tfloss.attach(functional(), "third", losses=[third])
    model.compile("sgd")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", custom_objects={"third": third})
    assert loaded.evaluate(X, Y, verbose=0) == pytest.approx(model.evaluate(X, Y, verbose=0))


def test_a_teacher_is_set_after_loading(tmp_path):
    teacher = LogisticRegression().fit(X, Y)
    model = tfloss.attach(functional(), "kl", teacher=teacher)
    model.compile("sgd")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    with pytest.raises(tfloss.UsageError, match="'teacher', which this batch does not have"):
        loaded.evaluate(X, Y, verbose=0)
    loaded.teachers = teacher
    assert loaded.evaluate(X, Y, verbose=0) == pytest.approx(model.evaluate(X, Y, verbose=0))
    with pytest.raises(tfloss.UsageError, match="knows no teacher"):
        loaded.teachers = {"other": teacher}
