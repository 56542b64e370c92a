"""`tfloss.compare` and `tfloss.search` in Python."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

import tfloss
from tfloss.errors import TflossError, UsageError

TRAINING = {"train_size": 20, "epochs": 4, "evaluate_every": 2, "seed": 3}
FORMULAS = ["bce", "bce + {0.1, 1}*mae"]


@pytest.fixture(scope="module")
def result():
    return tfloss.compare(FORMULAS, seeds=4, model="mlp", **TRAINING)


def test_ranges_are_written_out_and_nothing_is_left_behind(result, tmp_path, monkeypatch):
    assert result.formulas == ("bce", "bce + 0.1*mae", "bce + 1*mae")
    assert result.folder is None
    assert repr(result) == "<ComparisonResult: 3 formulas, 4 seeds>"


def test_there_is_a_row_for_each_formula_seed_and_evaluation(result):
    rows = result.rows()
    assert len(rows) == 3 * 4 * 2
    assert {row["epoch"] for row in rows} == {2, 4}
    last = [row for row in rows if row["formula"] == "bce" and row["epoch"] == 4]
    assert [row["seed"] for row in last] == [3, 4, 5, 6]
    (estimate,) = [
        row["mean"]["mean"]
        for row in result.tables[-1]["rows"]
        if row["formula"] == "bce" and row["metric"] == "accuracy"
    ]
    assert estimate == pytest.approx(np.mean([row["accuracy"] for row in last]))


def test_it_prints_tables_and_sentences(result):
    text = str(result)
    assert "Step 4, holdout, 4 seeds" in text
    assert "bce + 1*mae  against  bce, step 4:" in text
    page = result._repr_html_()
    assert "<table" in page
    assert "log-loss" in page


def test_arrays_are_what_the_data_set_of_the_same_rows_is(result):
    features, target = load_breast_cancer(return_X_y=True)
    table = tfloss.Table(features, target)
    own = tfloss.compare("bce", (features, target), "mlp", seeds=4, **TRAINING)
    again = tfloss.compare(tfloss.parse("bce"), table, "mlp", seeds=4, **TRAINING)
    for one in (own, again):
        np.testing.assert_array_equal(
            one.trajectories[0].metrics["brier"], result.trajectories[0].metrics["brier"]
        )


def test_the_callers_random_numbers_go_on_as_if_nothing_had_been_trained():
    np.random.seed(5)
    expected = np.random.RandomState(5).uniform(size=3)
    tfloss.compare("bce", model="mlp", seeds=2, **TRAINING)
    np.testing.assert_array_equal(np.random.uniform(size=3), expected)


def test_a_folder_is_written_where_it_is_asked_for(tmp_path):
    result = tfloss.compare("bce", model="mlp", seeds=2, runs=tmp_path, **TRAINING)
    assert result.folder == tmp_path / "compare-1"
    assert (result.folder / "manifest.json").exists()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"formulas": []}, "formula"),
        ({"formulas": "bcee"}, "bce"),
        ({"formulas": "bce", "epoch": 3}, "epochs"),
        ({"formulas": "bce", "epochs": 0}, "epochs"),
        ({"formulas": "bce", "precision": "mixed_float16"}, "float32"),
        ({"formulas": "bce", "seeds": 0}, "seeds"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(arguments, word):
    with pytest.raises(TflossError, match=word):
        tfloss.compare(**arguments)


def test_a_search_returns_the_comparison_of_what_it_found(tmp_path):
    pytest.importorskip("optuna")
    result = tfloss.search(
        "bce + {0.001..10:log}*l2", model="mlp", trials=3, seeds=2, confirm=3, **TRAINING
    )
    assert result.folder is None
    assert result.formulas[0] == "bce + 0.1*l2"
    assert result.values["search"]["trials"] == 3
    assert len(result.rows()) == 2 * 3 * 2


def test_a_search_without_ranges_is_refused():
    with pytest.raises(UsageError, match="braces"):
        tfloss.search("bce")
