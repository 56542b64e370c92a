"""A run's figures without its data, on other data, and on data that changed meanwhile."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from tests.cli.running import tfloss as command
from tfloss.report.tables import figure

ROWS = 60


def write_csv(path, rows: np.ndarray, *, noise: bool = False) -> None:
    """A file with features a, b, and the label whether their sum is positive."""
    lines = ["a,b,note,y" if noise else "a,b,y"]
    for a, b in rows:
        label = "yes" if a + b > 0 else "no"
        lines.append(f"{a},{b},some text,{label}" if noise else f"{a},{b},{label}")
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(ROWS, 2))


@pytest.fixture(scope="module")
def place(tmp_path_factory, rows):
    """A folder with rows.csv and a run that was trained on it by a relative path."""
    folder = tmp_path_factory.mktemp("trained")
    write_csv(folder / "rows.csv", rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        trained = command(
            *("train", "--loss", "bce", "--data", "rows.csv", "--target", "y", "--epochs", "3"),
            *("--train-size", "40", "--quiet"),
        )
    assert trained.code == 0, trained.err
    return folder


def scores_of(place) -> dict[str, float]:
    recorded = json.loads((place / "runs/rows-1/result.json").read_text())
    return recorded["scores"]["student on holdout"]


def test_a_run_alone_is_enough_to_score_and_export_it(place, tmp_path, monkeypatch):
    shutil.copytree(place / "runs/rows-1", tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    scored = command("evaluate", "run")
    assert scored.code == 0, scored.err
    assert scored.err == ""
    for value in scores_of(place).values():
        assert figure(value) in scored.out
    exported = command("export", "run", "--format", "keras", "--with-scaler")
    assert exported.code == 0, exported.err
    assert f"on {ROWS} rows" in exported.out


def test_another_file_of_the_same_name_is_noticed(place, rows, tmp_path, monkeypatch):
    shutil.copytree(place / "runs/rows-1", tmp_path / "run")
    write_csv(tmp_path / "rows.csv", rows[::-1])
    monkeypatch.chdir(tmp_path)
    scored = command("evaluate", "run")
    assert scored.code == 0, scored.err
    assert "'rows.csv' is not the file" in scored.err
    for value in scores_of(place).values():  # of the rows that were held out
        assert figure(value) in scored.out
    relabelled = command("evaluate", "run", "--target", "y")  # which asks for the file
    assert relabelled.code == 4
    assert "other rows stand where its holdout stood" in relabelled.err


def test_rows_that_trained_are_said(place, rows, tmp_path):
    run = place / "runs/rows-1"
    same = command("evaluate", run, "--data", place / "rows.csv")
    assert same.code == 0, same.err
    assert "40 of the 60 rows of 'rows.csv' trained this student" in same.err
    write_csv(tmp_path / "new.csv", rows + 0.5)
    other = command("evaluate", run, "--data", tmp_path / "new.csv")
    assert (other.code, other.err) == (0, "")


def test_columns_that_are_not_needed_are_passed_over(place, rows, tmp_path):
    run = place / "runs/rows-1"
    write_csv(tmp_path / "wide.csv", rows + 0.5, noise=True)
    write_csv(tmp_path / "narrow.csv", rows + 0.5)
    wide, narrow = (
        command("evaluate", run, "--data", tmp_path / f"{n}.csv") for n in ("wide", "narrow")
    )
    assert wide.code == 0, wide.err
    assert wide.out.splitlines()[1:] == narrow.out.splitlines()[1:]
    answers = [command("predict", run, tmp_path / f"{n}.csv") for n in ("wide", "narrow")]
    assert answers[0].code == 0, answers[0].err
    assert answers[0].out == answers[1].out


def test_a_large_holdout_is_read_from_its_data(place, rows, tmp_path, monkeypatch):
    from tfloss.runs import kept_rows

    monkeypatch.setattr(kept_rows, "MOST_BYTES", 0)
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "rows.csv", rows)
    options = ("--data", "rows.csv", "--target", "y", "--epochs", "1", "--quiet")
    assert command("train", "--loss", "bce", *options).code == 0
    assert command("evaluate", "runs/rows-1").code == 0
    write_csv(tmp_path / "rows.csv", rows[::-1])
    other = command("evaluate", "runs/rows-1")
    assert other.code == 4
    assert "'rows.csv' is not what" in other.err
