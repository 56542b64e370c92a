"""`tfloss compare` and `tfloss report` from end to end."""

from __future__ import annotations

import csv
import hashlib
import json
import re

import numpy as np
import pytest
from pyarrow import parquet

from tests.cli.running import tfloss

FORMULAS = ["bce", "bce + {0.1, 1}*abs_kl"]
TRAINING = ["--teacher", "lr", "--train-size", "20", "--epochs", "12", "--seeds", "20",
            "--optimizer", "adam:learning_rate=0.05"]  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def answer(runs):
    options = ["--evaluate-every", "4", "--at", "4", "--reach", "accuracy=0.8"]
    return tfloss("compare", *FORMULAS, *TRAINING, *options, "--runs", runs)


@pytest.fixture(scope="module")
def folder(answer, runs):
    assert answer.code == 0, answer.err
    return runs / "compare-1"


def test_the_output_says_what_was_found(answer):
    assert answer.code == 0, answer.err
    assert "Step 12, holdout, 20 seeds" in answer.out
    assert "bce + 0.1*abs_kl  against  bce, step 12:" in answer.out
    assert "They say nothing about other data." in answer.out
    assert "replicate-steps/s" in answer.out


def test_the_folder_is_whole(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, digest in manifest["sha256"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_rows_and_tables_agree(folder):
    rows = parquet.read_table(folder / "results.parquet").to_pylist()
    with (folder / "results.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(rows) == 3 * 20 * 3
    results = json.loads((folder / "results.json").read_text())
    assert [table["epoch"] for table in results["tables"]] == [4, 12]
    for table in results["tables"]:
        for row in table["rows"]:
            own = [
                r[row["metric"]]
                for r in rows
                if r["formula"] == row["formula"] and r["epoch"] == table["epoch"]
            ]
            assert row["mean"]["mean"] == pytest.approx(np.mean(own))


def test_the_latex_table_has_a_row_for_each_formula(folder):
    text = (folder / "table.tex").read_text()
    assert text.count(r"\texttt{") == 3
    assert r"abs\_kl" in text


def test_the_page_is_there_and_can_be_written_again(folder, tmp_path):
    page = (folder / "report.html").read_text()
    again = tfloss("report", folder, "--output", tmp_path / "again.html")
    assert again.code == 0, again.err

    def words(text):
        return re.sub(
            r"\s+", " ", re.sub(r"<[^>]*>", " ", re.sub(r"<svg.*?</svg>", "", text, flags=re.S))
        )

    assert words((tmp_path / "again.html").read_text()) == words(page)


def test_a_comparison_repeats_from_its_config(folder, runs):
    answer = tfloss("compare", "--config", folder / "config.toml", "--runs", runs, "--quiet")
    assert answer.code == 0, answer.err
    first, second = (
        json.loads((runs / name / "results.json").read_text())
        for name in ("compare-1", "compare-2")
    )
    assert first["tables"] == second["tables"]


def test_a_training_writes_its_page_and_two_can_be_shown_together(tmp_path):
    options = ["--data", "wine", "--epochs", "3", "--runs", tmp_path, "--quiet"]
    for formula in ("ce", "ce + 0.1*l2"):
        assert tfloss("train", "--loss", formula, *options).code == 0
    assert "Terms while training" in (tmp_path / "wine-1" / "report.html").read_text()
    both = tmp_path / "both.html"
    answer = tfloss("report", tmp_path / "wine-1", tmp_path / "wine-2", "--output", both)
    assert answer.code == 0, answer.err
    assert "ce (wine-1)" in both.read_text()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ([], "formula"),
        (["bce", "bce + {1..2}*kl"], "range"),
        (["bce", "bcee"], "bce"),
        (["bce", "--reach", "accuracy"], "METRIC=VALUE"),
        (["bce", "--reach", "acuracy=0.9"], "accuracy"),
        (["bce", "--reach", "mean_entropy=0.9"], "better"),
        (["bce", "--at", "500", "--epochs", "10"], "epochs"),
        (["bce", "--baseline", "mse"], "baseline"),
    ],
)
def test_bad_comparisons_are_refused_in_a_sentence(arguments, word):
    answer = tfloss("compare", *arguments)
    assert answer.code == 2
    assert word in answer.err
    assert "Traceback" not in answer.err


def test_what_is_no_run_has_no_report(tmp_path):
    answer = tfloss("report", tmp_path)
    assert answer.code == 2
    assert "finished run" in answer.err
