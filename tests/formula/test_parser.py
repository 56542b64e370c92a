"""Grammar: what is accepted, what it means, and what is refused where."""

from __future__ import annotations

import ast
import operator
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.formula.trees import many
from tfloss.formula import FormulaError, Infix, Name, Negative, Node, Number, Power, parse
from tfloss.formula.errors import error_at

VALUES = {"a": 2.0, "b": 3.0, "c": 5.0, "d": 0.5}
OPERATIONS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def value_of(node: Node) -> float:
    """A formula of plain numbers, calculated by the shape of its tree."""
    match node:
        case Number(value):
            return value
        case Name(name):
            return VALUES[name]
        case Negative(operand):
            return -value_of(operand)
        case Power(base, exponent):
            return value_of(base) ** value_of(exponent)
        case Infix(operands, operators):
            total = value_of(operands[0])
            for sign, operand in zip(operators, operands[1:], strict=True):
                total = OPERATIONS[sign](total, value_of(operand))
            return total
    raise AssertionError(node)


atoms = st.sampled_from([*VALUES, "1", "2.5"])
arithmetic = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map("".join),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"-{text}"),
        atoms.map(lambda text: f"{text}**2"),
        atoms.map(lambda text: f"{text}**-1"),
    ),
    max_leaves=10,
)


@many
@given(arithmetic)
def test_precedence_is_pythons(text):
    try:
        expected = eval(compile(ast.parse(text, mode="eval"), "", "eval"), {}, dict(VALUES))
    except ZeroDivisionError:
        return
    try:
        node = parse(text)
    except FormulaError as error:
        assert "nested deeper" in str(error)
        return
    assert value_of(node) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@many
@given(st.text(max_size=60))
def test_any_text_is_a_formula_or_a_formula_error(text):
    try:
        assert isinstance(parse(text), Node)
    except FormulaError as error:
        assert 0 <= error.start < error.end


@many
@given(st.text(st.sampled_from("abk_01.e+-*/()[],='\" \n"), max_size=60))
def test_text_of_the_grammars_characters_too(text):
    try:
        assert isinstance(parse(text), Node)
    except FormulaError as error:
        assert 0 <= error.start < error.end


@pytest.mark.parametrize(
    ("text", "start", "end", "words"),
    [
        ("", 0, 1, "empty"),
        ("bce +", 5, 6, "ends too early"),
        ("bce abs_kl", 4, 10, "missing before 'abs_kl'"),
        ("2 bce", 2, 5, "missing before 'bce'"),
        ("bce + * kl", 6, 7, "'*' is not expected"),
        ("(bce", 0, 1, "never closed"),
        ("bce)", 3, 4, "')' is not expected"),
        ("kl(a=1, a=2)", 8, 9, "given twice"),
        ("kl(a=1, b)", 8, 9, "before name=value"),
        ("kl(a,)", 5, 6, "not expected"),
        ("bce ^ 2", 4, 5, "write **"),
        ("bce \u2212 kl", 4, 5, "typographic minus"),
        ("0.1 \u00b7 kl", 4, 5, "write *"),
        ("bce + 1e999", 6, 11, "too large"),
        ("bce + 1e-400", 6, 12, "too small"),
        ("mse(mobilenetv2_1.00_32, y)", 17, 20, "stands in quotes: 'mobilenetv2_1.00_32'"),
        ("kl(a='x)", 5, 6, "no closing quote"),
        ("a.b.", 3, 4, "not expected"),
        ("__import__('os').system('x')", 23, 24, "not expected"),
    ],
)
def test_errors_point_at_the_place(text, start, end, words):
    with pytest.raises(FormulaError) as caught:
        parse(text)
    assert (caught.value.start, caught.value.end) == (start, end)
    assert words in caught.value.message


def test_an_error_draws_a_caret_under_the_columns():
    with pytest.raises(FormulaError) as caught:
        parse("bce + 0.1*abs kl")
    sentence, formula, carets = str(caught.value).split("\n")
    assert formula == "  bce + 0.1*abs kl"
    assert carets == "  " + " " * 14 + "^~"
    assert sentence.endswith(".")


def test_a_long_formula_is_shown_around_its_error_only():
    with pytest.raises(FormulaError) as caught:
        parse("bce + " * 300 + "^")
    _, formula, carets = str(caught.value).split("\n")
    assert len(formula) < 120
    assert formula[carets.index("^")] == "^"


@pytest.mark.parametrize(
    "nested",
    [
        lambda n: "(" * n + "a" + ")" * n,
        lambda n: "-" * n + "a",
        lambda n: "f(" * n + "a" + ")" * n,
        lambda n: "f(x=" + "[" * (n - 1) + "a" + "]" * (n - 1) + ")",
        lambda n: "a" + "**a" * n,
    ],
)
def test_depth_is_32(nested):
    parse(nested(32))
    for depth in (33, 500):
        with pytest.raises(FormulaError, match="32 levels"):
            parse(nested(depth))


def test_what_is_closed_again_gives_back_one_level():
    for shallow in ("(a) + ", "f(a, [b], -c) + ", "a**b**c + "):
        with pytest.raises(FormulaError, match="32 levels"):
            parse(shallow * 50 + "(" * 33 + "a" + ")" * 33)


@pytest.mark.parametrize("text", ["é", "\t", "\x7f", "\u2028"])
def test_a_text_is_printable_ascii(text):
    with pytest.raises(FormulaError, match="printable ASCII only") as caught:
        parse(f"f(x='{text}')")
    assert (caught.value.start, caught.value.end) == (4, 7)


def test_length_is_4096():
    longest = "a" + "+a" * 2047
    assert len(parse(longest + " ").operands) == 2048
    with pytest.raises(FormulaError, match="4096") as caught:
        parse(longest + "  ")
    assert (caught.value.start, caught.value.end) == (4096, 4097)


def test_parsing_runs_nothing():
    events: list[str] = []
    watching = [True]

    def hook(event: str, _arguments: tuple[object, ...]) -> None:
        if watching[0]:
            events.append(event)

    sys.addaudithook(hook)
    for text in (
        "bce + 0.1*abs_kl",
        "__import__('os')",
        "a.__class__",
        "exec(x='1')",
        "(lambda: 0)",
    ):
        try:
            str(parse(text))
        except FormulaError as error:
            str(error)
    watching[0] = False
    suspicious = ("compile", "exec", "import", "open", "os.", "subprocess", "socket")
    assert not [event for event in events if event.startswith(suspicious)]


@pytest.mark.parametrize("word", ["true", "false", "none"])
def test_values_are_no_names(word):
    """As names they could be parsed in brackets and not be read again where they are printed."""
    for text in (word, f"f(({word}))", f"b((({word}(a))))", f"{word}(a) + b"):
        with pytest.raises(FormulaError, match="stands alone"):
            parse(text)
    assert str(parse(f"f(x={word})")) == f"f(x={word})"


def test_an_error_is_about_one_column_at_least():
    assert FormulaError("message", "abc", 1, 1).end == 2


def test_an_error_of_a_node_is_about_its_columns():
    """About the whole formula where the node was built in Python."""
    text = "a + 2*f(b, x=[1, 2])"
    call = parse(text).operands[1].operands[1]
    for node, columns in ((call, (6, 20)), (Name("f"), (0, 20))):
        error = error_at(node, text, "message")
        assert (error.start, error.end) == columns
