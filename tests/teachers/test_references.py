"""Teachers of one's own, named as `package.module:object`."""

import sys

import numpy as np
import pytest

from tfloss.data import load_dataset, prepare
from tfloss.errors import PluginError, UsageError
from tfloss.registry import load_registry
from tfloss.teachers import fit_teachers

REGISTRY = load_registry()
MODULE = '''
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

ready = make_pipeline(PolynomialFeatures(2), LogisticRegression(max_iter=500))


def make(strength=1.0, *, squared=False):
    """My own."""
    return make_pipeline(PolynomialFeatures(1 + squared), LogisticRegression(C=strength))


def broken():
    raise RuntimeError("no luck")


class Inside:
    pipeline = ready


number = 3
'''


@pytest.fixture(autouse=True)
def module(tmp_path, monkeypatch):
    (tmp_path / "my_teachers.py").write_text(MODULE)
    (tmp_path / "my_leaving.py").write_text("import sys; sys.exit(0)")
    monkeypatch.chdir(tmp_path)
    yield
    sys.modules.pop("my_teachers", None)


@pytest.fixture(scope="module")
def data():
    return prepare(load_dataset("iris", REGISTRY))


@pytest.mark.parametrize(
    ("text", "strength"),
    [
        ("my_teachers:ready", 1.0),
        ("my_teachers:Inside.pipeline", 1.0),
        ("x=my_teachers:make:strength=0.5,squared=true", 0.5),
        ("my_teachers:make:logisticregression__C=0.25", 0.25),
        ("sklearn.linear_model:LogisticRegression:C=2", 2),
    ],
)
def test_it_is_found(data, text, strength):
    [teacher] = fit_teachers(text, data, REGISTRY, fit="train").values()
    assert teacher.predictions_holdout.shape == (15, 3)
    estimator = teacher.estimator
    assert strength == (estimator[-1] if hasattr(estimator, "steps") else estimator).C


def test_the_module_object_stays_unfitted(data):
    fit_teachers("my_teachers:ready", data, REGISTRY)
    assert not hasattr(sys.modules["my_teachers"].ready[-1], "classes_")
    assert not any(path == str(data) for path in sys.path)


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [
        ("no_such_module:make", UsageError, "cannot be imported from 'no_such_module'"),
        ("my_teachers:redy", UsageError, "has no 'redy' to be the teacher. Did you mean 'ready'"),
        ("my_teachers:make:strenth=1", UsageError, "no setting 'strenth'. Did you mean 'strength'"),
        ("my_teachers:broken", PluginError, "cannot be made: RuntimeError: no luck"),
        ("my_leaving:x", PluginError, "since 'my_leaving' fails: SystemExit: 0"),
        ("my_teachers:number", UsageError, "is of type int, without a method 'fit'"),
    ],
)
def test_what_goes_wrong(data, text, error, sentence):
    with pytest.raises(error, match=sentence):
        fit_teachers(text, data, REGISTRY)


def test_answers_are_scikit_learns(data):
    from sklearn.linear_model import LogisticRegression

    teacher = fit_teachers("sklearn.linear_model:LogisticRegression", data, REGISTRY)["teacher"]
    oracle = LogisticRegression().fit(data.train.features, data.train.codes)
    expected = oracle.predict_proba(data.holdout.features)
    np.testing.assert_allclose(teacher.predictions_holdout, expected, atol=1e-6)
