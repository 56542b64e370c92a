"""The page: whole, self-contained, and right about what it says."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from tests.report.builders import results_with
from tfloss.report.html import html_page
from tfloss.report.theme import math_svg

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Outline(HTMLParser):
    """Checks that tags close, and keeps headings, ids and addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.headings, self.ids, self.addresses = [], [], [], []

    def handle_starttag(self, tag, attributes):
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            if name in ("src", "href", "xlink:href"):
                self.addresses.append(value)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


@pytest.fixture(scope="module")
def page():
    return html_page(results_with(3))


@pytest.fixture(scope="module")
def outline(page):
    outline = Outline()
    outline.feed(page)
    return outline


def test_every_tag_closes(outline):
    assert outline.open == []


def test_nothing_is_fetched(page, outline):
    assert all(a.startswith(("#", "data:")) for a in outline.addresses)
    assert "<script" not in page
    assert not re.findall(r"url\((?!#)", page)
    assert "@import" not in page


def test_ids_are_unique(outline):
    assert len(outline.ids) == len(set(outline.ids))


def test_it_is_small(page):
    assert len(page.encode()) < 500_000


def test_every_part_is_there(outline):
    assert outline.headings == [
        "Formulas",
        "What was found",
        "Holdout, step 200",
        "Steps to a goal",
        "Differences to the baseline",
        "Convergence on the holdout",
        "Terms while training",
        "Weights while training",
        "Share of each term",
        "Calibration",
        "The data",
        "Confusion on the holdout",
        "Configuration and versions",
    ]


def test_ink_is_the_pages(page):
    assert "#010203" not in page
    assert "currentColor" in page
    assert "prefers-color-scheme: dark" in page


def test_gradients_are_shown_beside_the_loss(page):
    results = results_with(3)
    assert "Share of the gradients" in page
    results["gradients"] = [{}, {}, {}]
    assert "Share of the gradients" not in html_page(results)


def test_every_formula_has_its_colour_in_every_figure(page):
    from tfloss.report.plots import COLOURS

    for colour in COLOURS[:3]:
        assert page.count(f'stroke="{colour}"') + page.count(f"stroke: {colour}") >= 5


def test_tick_labels_keep_their_digits():
    results = results_with(2)
    for row in results["tables"][-1]["rows"]:
        if "difference" in row:
            row["difference"] |= {"mean": 0.00015, "low": 0.0001, "high": 0.0002}
    assert "0.0001" in "".join(re.findall(r"<text[^>]*>([^<]*)<", html_page(results)))


def test_names_cannot_become_markup():
    results = results_with(2)
    results["data"]["name"] = "<script>alert(1)</script>"
    results["data"]["classes"] = ["<b>no</b>", "$yes"]
    results["pca"]["classes"] = results["data"]["classes"]
    page = html_page(results)
    assert "<script" not in page
    assert "<b>no" not in page


def test_many_formulas_and_none_that_stands_out():
    page = html_page(results_with(30))
    assert len(page.encode()) < 1_000_000
    assert "The other 21 formulas are in the tables." in page


def test_a_comparison_whose_trainings_all_diverged_still_has_a_page():
    results = json.loads(json.dumps(results_with(2)))
    for curve in results["curves"]:
        for part in ("train", "holdout", "metrics"):
            curve[part] = {name: {"mean": [], "low": [], "high": []} for name in curve[part]}
    results["predictions"] = {}
    results["notes"] = ["all diverged"]
    assert "all diverged" in html_page(results)


@pytest.mark.parametrize(
    "latex",
    [
        r"\mathrm{bce} + 0.1 \cdot \mathrm{abs\_kl}",
        r"\Bigl|\sum_i w_i\sum_c p_{ic}\log\frac{p_{ic}}{q_{ic}}\Bigr|",
        r"\frac1N\sum_i x_i",
        r"\frac{T^2}k\frac{c}\alpha\frac\nu{\frac{a}2}",
        r"\mathcal F(a-b) + \overline\Delta",
    ],
)
def test_mathematics_is_drawn(latex):
    assert math_svg(latex).startswith("<svg")


def test_mathematics_that_cannot_be_drawn_is_left_to_text():
    assert math_svg(r"\nosuchcommand{x}") == ""


def test_every_declared_loss_can_be_drawn(registry):
    declared = {name: loss.latex for name, loss in registry.losses.items() if loss.latex}
    failed = {name: latex for name, latex in declared.items() if not math_svg(latex)}
    assert all("cases" in latex for latex in failed.values()), failed  # mathtext has no cases


def test_numbers_are_those_of_the_results(page):
    row = results_with(3)["tables"][-1]["rows"][0]
    assert f"{row['mean']['mean']:.4f}" in page
    assert np.isfinite(row["mean"]["mean"])
