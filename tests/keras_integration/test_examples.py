"""Every Keras example runs, at most 60 lines long, and reaches what its plain version reaches."""

from __future__ import annotations

import math
import runpy
from functools import partialmethod
from pathlib import Path

import keras
import pytest
import sklearn.datasets
from sklearn.utils import Bunch

from tests.benchmarks.examples import EXAMPLES, MARK, TITLES, lines_of

PAGE = (EXAMPLES / "README.md").read_text(encoding="utf-8")


def few_digits(full):
    """The first rows of scikit-learn's digits, in either form."""

    def load(return_X_y=False):
        whole = full()
        few = Bunch(**{name: whole[name][:320] for name in ("data", "target", "images")})
        return (few.data, few.target) if return_X_y else few

    return load


@pytest.mark.parametrize("name", TITLES)
def test_it_reaches_what_plain_keras_reaches(name, monkeypatch, full_size):
    monkeypatch.setenv("EPOCHS", "1")
    compiling = partialmethod(keras.Model.compile, jit_compile=False)  # XLA takes seconds for each
    monkeypatch.setattr(keras.Model, "compile", compiling)
    monkeypatch.setattr(sklearn.datasets, "load_digits", few_digits(sklearn.datasets.load_digits))
    ours = runpy.run_path(str(EXAMPLES / f"{name}.py"))["figure"]
    assert math.isfinite(ours)
    if name == "transformer" and not full_size:
        return  # TensorFlow takes ten seconds to trace the plain version
    plain = runpy.run_path(str(EXAMPLES / "plain_keras" / f"{name}.py"))["figure"]
    assert ours == pytest.approx(plain, rel=2e-3, abs=1e-4)


@pytest.mark.parametrize("name", TITLES)
def test_lengths_are_as_the_page_says(name):
    ours, plain = EXAMPLES / f"{name}.py", EXAMPLES / "plain_keras" / f"{name}.py"
    assert len(ours.read_text(encoding="utf-8").splitlines()) <= 60
    lengths = f"[{lines_of(ours)}]({name}.py) | [{lines_of(plain)}](plain_keras/{name}.py)"
    assert lengths in PAGE.split(MARK)[1]


def test_every_example_is_on_the_page():
    assert {path.stem for path in Path(EXAMPLES).glob("*.py")} == set(TITLES)
