"""A teacher's text, read and refused."""

import pytest

from tfloss.errors import UsageError
from tfloss.formula import ShortText
from tfloss.teachers import parse_teacher, parse_teachers


@pytest.mark.parametrize(
    ("text", "alias", "name", "settings"),
    [
        ("gpc", "teacher", "gpc", {}),
        ("soft=gpc", "soft", "gpc", {}),
        (" soft = gpc ", "soft", "gpc", {}),
        (
            "rf:n_estimators=200,max_depth=3",
            "teacher",
            "rf",
            {"n_estimators": 200, "max_depth": 3},
        ),
        (
            "hard=RandomForestClassifier:max_depth=none, bootstrap=False",
            "hard",
            "RandomForestClassifier",
            {"max_depth": None, "bootstrap": False},
        ),
        (
            "mlp:hidden_layer_sizes=(10,10),alpha=1e-3,solver=lbfgs",
            "teacher",
            "mlp",
            {"hidden_layer_sizes": (10, 10), "alpha": 0.001, "solver": "lbfgs"},
        ),
        ("x=svc:kernel='rbf, yes',C=-1", "x", "svc", {"kernel": "rbf, yes", "C": -1}),
        ("bagging:estimator=gpc", "teacher", "bagging", {"estimator": "gpc"}),
        (
            "bagging:estimator=rf(n_estimators=5,max_depth=2),n_estimators=3",
            "teacher",
            "bagging",
            {
                "estimator": ShortText("rf", settings={"n_estimators": 5, "max_depth": 2}),
                "n_estimators": 3,
            },
        ),
        (
            "voting:estimators=[rf,lr(C=2),gpc()],weights=[1,2,0.5]",
            "teacher",
            "voting",
            {
                "estimators": ["rf", ShortText("lr", settings={"C": 2}), ShortText("gpc")],
                "weights": [1, 2, 0.5],
            },
        ),
        ("package.module:make", "teacher", "package.module:make", {}),
        (
            "soft=rf(max_depth=3, bootstrap=false)",
            "soft",
            "rf",
            {"max_depth": 3, "bootstrap": False},
        ),
        ("own=package.module:make:depth=3", "own", "package.module:make", {"depth": 3}),
        ("column:soft", "teacher", "column:soft", {}),
        ("old=models/my-forest.skops", "old", "models/my-forest.skops", {}),
        ("/tmp/a=b/model.skops", "teacher", "/tmp/a=b/model.skops", {}),
        ("rf:class_weight=balanced", "teacher", "rf", {"class_weight": "balanced"}),
    ],
)
def test_reading(text, alias, name, settings):
    spec = parse_teacher(text)
    assert (spec.alias, spec.name, spec.settings, spec.text) == (alias, name, settings, text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has no name"),
        ("soft=", "has no name"),
        ("two words=gpc", "cannot be called 'two words'"),
        ("rf(3)", "takes its settings by name"),
    ],
)
def test_refusing(text, sentence):
    with pytest.raises(UsageError, match=sentence):
        parse_teacher(text)


def test_names_differ():
    assert [spec.alias for spec in parse_teachers(["a=rf", "b=rf"])] == ["a", "b"]
    with pytest.raises(UsageError, match="'gpc' and 'rf' are both called 'teacher'"):
        parse_teachers(["gpc", "rf"])


def test_nothing_is_evaluated():
    spec = parse_teacher("rf:a=__import__(os='system'),b=1+1")
    assert spec.settings == {"a": ShortText("__import__", settings={"os": "system"}), "b": "1+1"}
