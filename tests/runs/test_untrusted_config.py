"""What may stand in a configuration from somebody else, and what may not."""

import shlex

import pytest

from tfloss.errors import UsageError
from tfloss.runs.untrusted_config import refuse_code

CODE = [
    ("model", "package.module:make"),
    ("model", "package.module:make:depth=3"),
    ("model", "package.module:make(depth=3)"),
    ("model", "os:system"),
    ("model", "C:\\models\\x.keras:evil"),
    ("teacher", "os:system"),
    ("teacher", "own=os:system"),
    ("teacher", "own=os:system$(touch here)"),
    ("teacher", "package.module:Class.attribute"),
    ("teacher", "os.path:join:a=1"),
    ("teacher", "os:system(command=x)"),
    ("teacher", "bagging:estimator=os:system"),
    ("teacher", "bagging:estimator='os:system'"),
    ("teacher", "bagging(estimator=os:system)"),
    ("teacher", "voting:estimators=[rf,os:system]"),
    ("teacher", "voting:estimators=[rf,os.path:join]"),
    ("teacher", "voting:estimators=(rf,(os:system))"),
    ("teacher", "bagging:estimator=bagging(estimator=os:system)"),
    ("teacher", "bagging:estimator=bagging(estimators=[a.b:c.d])"),
    ("teacher", "forest.skops:trust=[evil.Type]"),
    ("teacher", "forest.skops:trust=evil.Type"),
    ("teacher", "bagging:estimator__trust=[evil.Type]"),
    ("teacher", "bagging:estimator=f.skops(trust=[evil.Type])"),
    ("teacher", "bagging:estimator=rf(trust=[evil.Type])"),
]

PLAIN = [
    ("model", "mlp:10,10,activation=relu"),
    ("model", "mlp(10)"),
    ("model", "mlp:relu"),
    ("model", "models/own.keras"),
    ("teacher", "gpc"),
    ("teacher", "soft=rf:n_estimators=200,max_depth=none"),
    ("teacher", "RandomForestClassifier:class_weight=balanced"),
    ("teacher", "mlp:hidden_layer_sizes=(10,10),alpha=1e-3"),
    ("teacher", "ensemble:estimators=[rf(n_estimators=3),gpc],weights=log_loss"),
    ("teacher", "column:p0,p1"),
    ("teacher", "old=models/my forest.skops:scaled=true"),
    ("teacher", "bagging:estimator=models/forest.skops"),
]


def values(key, text):
    return {key: text if key == "model" else ["nb", text]}


@pytest.mark.parametrize(("key", "text"), CODE)
def test_what_could_run_code_is_refused(key, text):
    with pytest.raises(UsageError, match="names code") as caught:
        refuse_code(values(key, text), {}, "'x.toml'")
    assert f"--{key} {shlex.quote(text)}" in str(caught.value)  # pasted, it is a text


@pytest.mark.parametrize(("key", "text"), CODE)
def test_the_command_line_can_say_so(key, text):
    refuse_code(values(key, text), {key: text}, "'x.toml'")


@pytest.mark.parametrize(("key", "text"), PLAIN)
def test_what_cannot_is_taken(key, text):
    refuse_code(values(key, text), {}, "'x.toml'")


def test_what_cannot_be_read_is_refused():
    with pytest.raises(UsageError, match="cannot be read"):
        refuse_code({"teacher": ["rf:a=("]}, {}, "'x.toml'")
