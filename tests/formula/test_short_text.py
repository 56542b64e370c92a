"""Texts such as `rf:n_estimators=50`: what they mean, and what is refused under which column."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.formula.trees import many
from tfloss.errors import UsageError
from tfloss.formula import FormulaError, ShortText, is_reference, parse_short_text


def read(text, **options):
    return parse_short_text(text, what="model", **options)


@pytest.mark.parametrize(
    ("text", "name", "values", "settings"),
    [
        ("adam", "adam", (), {}),
        (" adam ", "adam", (), {}),
        ("mlp:10,10", "mlp", (10, 10), {}),
        ("mlp(10, 10)", "mlp", (10, 10), {}),
        ("mlp()", "mlp", (), {}),
        ("mlp: 10 , activation = relu", "mlp", (10,), {"activation": "relu"}),
        ("sgd:learning_rate=1e-3", "sgd", (), {"learning_rate": 0.001}),
        ("sgd:learning_rate=.5,clip=-2", "sgd", (), {"learning_rate": 0.5, "clip": -2}),
        ("a:b=true,c=False,d=None", "a", (), {"b": True, "c": False, "d": None}),
        ("a:b=1+1,c=x.y-z", "a", (), {"b": "1+1", "c": "x.y-z"}),
        ("a:b=(1,2),c=(1),d=(1,),e=()", "a", (), {"b": (1, 2), "c": (1,), "d": (1,), "e": ()}),
        ("a:b=[1,[x]],c='1, 2',d=\"e\"", "a", (), {"b": [1, ["x"]], "c": "1, 2", "d": "e"}),
        ("mlflow:uri=http://localhost:5000/a", "mlflow", (), {"uri": "http://localhost:5000/a"}),
        ("tensorboard:folder=./läufe", "tensorboard", (), {"folder": "./läufe"}),
        ("package.module:make", "package.module:make", (), {}),
        ("package.module:make:depth=3", "package.module:make", (), {"depth": 3}),
        ("package.module:make(depth=3)", "package.module:make", (), {"depth": 3}),
        ("/tmp/a=b/model.keras", "/tmp/a=b/model.keras", (), {}),
        ("C:\\models\\own.keras", "C:\\models\\own.keras", (), {}),
        ("own.keras:frozen=true", "own.keras", (), {"frozen": True}),
    ],
)
def test_reading(text, name, values, settings):
    assert read(text) == ShortText(name, values, settings)
    assert read(text).text == text


@pytest.mark.parametrize(("text", "value"), [("inf", float("inf")), ("-inf", -float("inf"))])
def test_infinity(text, value):
    assert read(f"a:b={text}").settings == {"b": value}


def test_a_value_can_be_another_name_with_arguments_where_that_is_meant():
    bagged = read("bagging:estimator=rf(n_estimators=5)", calls=True)
    assert bagged.settings == {"estimator": ShortText("rf", settings={"n_estimators": 5})}
    with pytest.raises(FormulaError, match="a number, a word, a text or a list"):
        read("sgd:learning_rate=decay(0.5)")


def test_a_colon_of_the_name_where_values_have_names():
    assert read("column:soft", values=False) == ShortText("column:soft")
    assert read("column:soft:a=1", values=False) == ShortText("column:soft", settings={"a": 1})


@pytest.mark.parametrize(
    ("text", "sentence", "caret"),
    [
        ("rf:n_estimators=", "a value is missing here", "                ^"),
        ("rf:", "a value is missing here", "   ^"),
        ("rf:n=3,", "a value is missing here", "       ^"),
        ("mlp:3,,m=4", "a value is missing here", "      ^"),
        ("rf:a=(1,2", "this '(' is never closed", "     ^"),
        ("rf:a=[1", "this '[' is never closed", "     ^"),
        ("rf(a=1", "this '(' is never closed", "  ^"),
        ("rf:a=b(c=1", "this '(' is never closed", "      ^"),
        ("rf:a='x", "this quote is never closed", "     ^"),
        ("rf:a=1 23", "a ',' is missing here", "       ^~"),
        ("rf:a=1)", "')' is not expected here", "      ^"),
        ("rf:a=1,a=2", "'a' is given twice", "       ^"),
        ("rf:a=1,7=4", "without a name come before", "       ^"),
        ("rf(3) + 4", "'+' is not expected here", "      ^"),
        ("rf:a=" + "[" * 100, "nested deeper than 32", None),
    ],
)
def test_what_cannot_be_read_is_marked(text, sentence, caret):
    with pytest.raises(FormulaError, match=re.escape(sentence)) as caught:
        read(text, calls=True)
    assert str(caught.value).startswith("The model cannot be read: ")
    if caret is not None:
        assert str(caught.value).splitlines()[1:] == [f"  {text}", f"  {caret}"]


@pytest.mark.parametrize("text", ["", "  ", ":a=1", ":3"])
def test_no_name(text):
    with pytest.raises(UsageError, match="has no name"):
        read(text)


def test_columns_count_from_the_beginning_of_the_whole():
    with pytest.raises(FormulaError) as caught:
        read("soft=rf:a=(1", start=len("soft="))
    assert caught.value.start == len("soft=rf:a=")


plain = st.one_of(
    st.integers(-99, 99),
    st.floats(allow_nan=False),
    st.booleans(),
    st.none(),
    st.text("abc.-/+:", min_size=1).filter(lambda text: any(c in "abc" for c in text)),
)
values = st.recursive(plain, lambda inner: st.lists(inner) | st.tuples(inner, inner), max_leaves=5)


def written(value):
    if isinstance(value, (list, tuple)):
        inside = ",".join(map(written, value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside})"
    return f"'{value}'" if isinstance(value, str) else str(value)


@many
@given(st.dictionaries(st.text("xyz_", min_size=1), values, min_size=1))
def test_what_was_written_is_read_in_parentheses_and_behind_a_colon(settings):
    text = ",".join(f"{name}={written(value)}" for name, value in settings.items())
    assert read(f"rf:{text}") == read(f"rf({text})") == ShortText("rf", settings=settings)


@many
@given(st.text("ab1.:=,()[]'\" -", max_size=12))
def test_any_text_is_read_or_refused(text):
    for options in ({}, {"values": False, "calls": True}):
        try:
            read(text, **options)
        except UsageError:
            continue


def test_references():
    assert all(map(is_reference, ["a/b", "m.keras", "p.m:f", "C:\\a.keras"]))
    assert not any(map(is_reference, ["mlp:10", "mlp", "mlp:relu", "p.m"]))
