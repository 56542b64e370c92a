"""What is printed is what was meant."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.formula.trees import many, trees
from tfloss.formula import FormulaError, Name, parse, to_latex, to_text


@many
@given(trees)
def test_printing_and_parsing_gives_the_tree_back(tree):
    text = to_text(tree)
    try:
        parsed = parse(text)
    except FormulaError as error:
        assert "nested deeper" in str(error) or "at most 4096" in str(error)
        return
    assert parsed == tree
    assert to_text(parsed) == text


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("bce+0.1*abs_kl", "bce + 0.1*abs_kl"),
        ("((bce))", "bce"),
        ("(a+b)+c", "a + b + c"),
        ("a+(b+c)", "a + (b + c)"),
        ("a-(b-c)", "a - (b - c)"),
        ("(a*b)*c/(d*e)", "a*b*c/(d*e)"),
        ("2*(a+b)", "2*(a + b)"),
        ("-a**2", "-a**2"),
        ("(-a)**2", "(-a)**2"),
        ("a**(b**c)", "a**b**c"),
        ("(a**b)**c", "(a**b)**c"),
        ("2**-1", "2**-1"),
        ("- -a", "--a"),
        ("kl( teacher = rf )", "kl(teacher=rf)"),
        ("f('x', \"it's\", true, none, [1,-2])", "f('x', \"it's\", true, none, [1, -2])"),
        ("1e3*a + .5*b", "1000.0*a + 0.5*b"),
        ("mse(softmax(logits/4),teacher.logits)", "mse(softmax(logits/4), teacher.logits)"),
    ],
)
def test_canonical_text(written, canonical):
    assert to_text(parse(written)) == canonical


def test_a_name_that_is_no_word_stands_in_quotes():
    tree = Name("efficientnetv2-b0.top")
    assert str(tree) == "'efficientnetv2-b0.top'"
    assert str(Name("true")) == "'true'"
    assert str(parse(str(2 * tree))) == str(2 * tree)
    assert (
        to_latex(parse("mse('a-b_1', y)"))
        == r"\mathrm{mse}\left(\mathrm{a-b\_1}, \mathrm{y}\right)"
    )
