"""Formulas in mathematical notation."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.formula.trees import many, trees
from tfloss.formula import Name, parse, to_latex


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("bce + 0.1*abs_kl", r"\mathrm{bce} + 0.1 \cdot \mathrm{abs\_kl}"),
        ("a/b", r"\frac{\mathrm{a}}{\mathrm{b}}"),
        ("(a + b)*c", r"\left(\mathrm{a} + \mathrm{b}\right) \cdot \mathrm{c}"),
        ("a*(b + c)", r"\mathrm{a} \cdot \left(\mathrm{b} + \mathrm{c}\right)"),
        ("a*(b*c)", r"\mathrm{a} \cdot \left(\mathrm{b} \cdot \mathrm{c}\right)"),
        ("a - (b - c)", r"\mathrm{a} - \left(\mathrm{b} - \mathrm{c}\right)"),
        ("a - b - c", r"\mathrm{a} - \mathrm{b} - \mathrm{c}"),
        ("a**2", r"{\mathrm{a}}^{2}"),
        ("abs(a)", r"\left|\mathrm{a}\right|"),
        ("1e-5*a", r"10^{-5} \cdot \mathrm{a}"),
        ("2.5e-5*a", r"2.5 \cdot 10^{-5} \cdot \mathrm{a}"),
        ("kl(teacher=rf)", r"\mathrm{kl}\left(\mathrm{teacher}=\mathrm{rf}\right)"),
    ],
)
def test_latex(text, latex):
    assert to_latex(parse(text)) == latex


def test_a_declared_symbol_stands_for_its_name():
    symbols = {"kl": r"D_{\mathrm{KL}}"}

    def symbol(node):
        return symbols.get(node.name) if isinstance(node, Name) else None

    assert to_latex(parse("2*kl + bce"), symbol) == r"2 \cdot D_{\mathrm{KL}} + \mathrm{bce}"


def test_a_notebook_shows_it_as_mathematics():
    assert parse("a/b")._repr_latex_() == r"$\frac{\mathrm{a}}{\mathrm{b}}$"


@many
@given(trees)
def test_braces_and_brackets_are_balanced(tree):
    latex = to_latex(tree)
    depth = 0
    for character in latex.replace(r"\{", "").replace(r"\}", ""):
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0 or "texttt" in latex
    assert latex.count(r"\left") == latex.count(r"\right")


def test_a_sign_in_a_product_needs_no_brackets():
    assert to_latex(parse("(-a)*b")) == r"-\mathrm{a} \cdot \mathrm{b}"
    assert to_latex(parse("a*-b")) == r"\mathrm{a} \cdot -\mathrm{b}"
