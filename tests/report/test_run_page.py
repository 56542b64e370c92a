"""The page about one training: scores in one matrix, teachers, and regression's pictures."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import tfloss
from tests.cli.running import tfloss as command
from tests.report.builders import results_with
from tfloss.report.comparison import number_text
from tfloss.report.html import html_page
from tfloss.report.plots import class_colour


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of regression with a teacher that is fitted, and one that no term names."""
    runs = tmp_path_factory.mktemp("runs")
    formula = "mse + 0.1*mse(good, prediction)"
    answer = command(
        *("train", "--loss", formula, "--data", "diabetes", "--teacher", "good=br"),
        *("--teacher", "idle=rfr:n_estimators=5", "--epochs", "2", "--runs", runs, "--quiet"),
    )
    assert answer.code == 0, answer.err
    assert "No term of the formula names the teacher 'idle'" in answer.err
    assert "'good'" not in answer.err
    return runs / "diabetes-1"


def test_teachers_figures_and_notes_stay_in_the_run(folder):
    result = tfloss.read_run(folder).result
    assert set(result["teacher_scores"]["good"]) >= {"own rows", "holdout"}
    assert any("'idle'" in note for note in result["teacher_notes"])


def test_the_page_has_one_matrix_and_pictures_of_regression(folder):
    page = (folder / "report.html").read_text()
    headings = re.findall(r"<h2>([^<]*)</h2>", page)
    assert "Teachers" not in headings
    assert "Predictions" in headings
    assert page.count("<td>RMSE (lower is better)</td>") == 1
    assert re.findall(r'colgroup">([^<]*)<', page) == [
        "student",
        "good: br",
        "idle: rfr:n_estimators=5",
    ]
    scores = tfloss.read_run(folder).result["teacher_scores"]["good"]
    for side in ("own rows", "out of fold", "holdout"):
        assert f"<b>{number_text(scores[side]['r2'])}</b>" in page
    assert "Residuals: true minus predicted" in page
    for note in tfloss.read_run(folder).result["teacher_notes"]:
        assert note.replace("'", "&#39;") in page
    (answers,) = [json.loads((folder / "answers.json").read_text())["predicted"]]
    holdout = tfloss.read_run(folder).kept_rows().holdout
    np.testing.assert_allclose(answers["true"], holdout.labels[:, 0], rtol=1e-5)


def test_the_page_says_what_was_understood(folder):
    page = (folder / "report.html").read_text()
    assert "<h2>What was understood</h2>" in page
    understood = dict(tfloss.read_run(folder).result["understood"])
    assert understood["rows"] == "397 train, 45 are held out"
    assert understood["task"] == "regression"
    for name, text in understood.items():
        assert f"<dt>{name}</dt><dd>{text}</dd>" in page


def test_training_and_holdout_are_one_picture(folder):
    page = (folder / "report.html").read_text()
    assert "The same terms on the holdout" not in page
    (section,) = re.findall(r"<h2>Terms while training</h2>(.*?)</section>", page, re.DOTALL)
    assert section.count("<figure>") == 1
    assert "on the holdout" in section
    assert section.count("stroke-dasharray") >= 4  # the total and both terms, and their key


def test_many_classes_have_colours_of_their_own_and_tables_that_fit():
    assert len({class_colour(code, 26) for code in range(26)}) == 26
    results = results_with(1)
    results["seeds"] = [0]
    names = [f"class {code}" for code in range(26)]
    results["data"]["classes"] = results["pca"]["classes"] = names
    for one in results["predictions"].values():
        one["confusion"] = np.eye(26, dtype=int).tolist()
    page = html_page(results)
    assert 'class="confusion dense"' in page


def test_prepared_data_show_themselves_in_one_line():
    text = repr(tfloss.load_data("iris"))
    assert text == "<PreparedData iris: 135 rows train, 15 held out; 4 features; 3 classes>"


def test_a_library_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr("tfloss_teachers.from_class.find_spec", lambda name: None)
    answer = command("train", "--loss", "bce + kl", "--teacher", "xgb")
    assert answer.code == 2
    assert "XGBClassifier of xgboost, which is not installed" in answer.err
