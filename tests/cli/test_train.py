"""`train`, and what can be done with the run that it leaves."""

from __future__ import annotations

import csv
import io
import json
import tomllib

import keras
import numpy as np
import pytest

from tests.cli.running import tfloss
from tfloss.io.atomic import sha256
from tfloss.report.tables import figure

TRAIN = ("train", "--loss", "bce + 0.1*abs_kl", "--teacher", "gpc", "--train-size", "40")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def answer(runs):
    return tfloss(*TRAIN, "--epochs", "30", "--runs", runs)


@pytest.fixture(scope="module")
def run(answer, runs):
    return runs / "breast_cancer-1"


def test_it_prints_every_term_and_every_score(answer):
    assert answer.code == 0
    for word in ("total", "bce", "abs_kl", "accuracy", "F1", "log-loss", "Brier", "ECE", "entropy"):
        assert word in answer.out
    assert "student on holdout" in answer.out
    assert "teacher on holdout" in answer.out
    assert "breast_cancer-1" in answer.out


def test_in_a_pipe_progress_is_plain_lines(answer):
    lines = [line for line in answer.err.splitlines() if line.startswith("epoch ")]
    assert lines
    assert "\x1b" not in answer.err
    for word in ("steps/s", "total", "bce", "abs_kl", "holdout"):
        assert word in lines[-1]


def test_the_folder_holds_what_repeats_it(run):
    assert {path.name for path in run.iterdir()} >= {
        "config.toml",
        "manifest.json",
        "metrics.jsonl",
        "result.json",
        "split.npz",
        "student.keras",
    }
    config = tomllib.loads((run / "config.toml").read_text())
    assert config["formula"] == "bce + 0.1*abs_kl"
    assert config["seed"] == 0
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["versions"]["keras"] == keras.__version__
    for name, digest in manifest["sha256"].items():
        assert sha256(run / name) == digest


def test_the_logged_terms_add_up(run):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == list(range(1, 31))
    for line in lines:
        for split in ("train", "holdout"):
            values = dict(line[split])
            total = values.pop("total")
            assert sum(values.values()) == pytest.approx(total, rel=1e-5)


def test_its_configuration_repeats_it_exactly(run, runs):
    again = tfloss("train", "--config", run / "config.toml", "--runs", runs)
    assert again.code == 0
    other = runs / "breast_cancer-2"
    assert (other / "metrics.jsonl").read_bytes() == (run / "metrics.jsonl").read_bytes()
    one, two = (keras.models.load_model(r / "student.keras").get_weights() for r in (run, other))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_run_is_never_overwritten(run, runs):
    before = sha256(run / "metrics.jsonl")
    for _ in range(2):
        tfloss("train", "--loss", "bce", "--epochs", "1", "--runs", runs, "--quiet")
    assert sha256(run / "metrics.jsonl") == before


def test_evaluate_gives_the_trainings_own_scores(run):
    answer = tfloss("evaluate", run)
    assert answer.code == 0
    scores = json.loads((run / "result.json").read_text())["scores"]["student on holdout"]
    for value in scores.values():
        assert figure(value) in answer.out


def test_evaluate_on_other_data(run, tmp_path):
    wrong = tfloss("evaluate", run, "--data", "iris")
    assert wrong.code == 4
    assert "no feature column" in wrong.err


def test_predict_answers_every_row(run, tmp_path):
    answer = tfloss("predict", run, "breast_cancer")
    rows = list(csv.DictReader(io.StringIO(answer.out)))
    assert len(rows) == 569
    columns = [name for name in rows[0] if name != "class"]
    probs = np.array([[float(row[name]) for name in columns] for row in rows])
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)
    student = keras.models.load_model(run / "student.keras")
    manifest = json.loads((run / "manifest.json").read_text())["data"]["scaler"]
    from sklearn.datasets import load_breast_cancer

    features = (load_breast_cancer().data - manifest["center"]) / manifest["scale"]
    logits = student.predict(features.astype("float32"), verbose=0)[:, 0]
    np.testing.assert_allclose(probs[:, 1], 1 / (1 + np.exp(-logits.astype(float))), atol=1e-5)

    output = tmp_path / "answers.csv"
    assert tfloss("predict", run, "breast_cancer", "--output", output).code == 0
    assert output.read_text() == answer.out


def test_a_student_that_was_changed_is_noticed(run, tmp_path):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    with (copy / "student.keras").open("ab") as file:
        file.write(b"x")
    answer = tfloss("evaluate", copy)
    assert answer.code == 4
    assert "SHA-256" in answer.err


def test_quiet_prints_nothing(runs):
    answer = tfloss("train", "--loss", "bce", "--epochs", "1", "--runs", runs, "--quiet")
    assert (answer.code, answer.out, answer.err) == (0, "", "")


@pytest.mark.parametrize(
    "recipe", ["article", "article_leaky", "article_base", "article_multiclass"]
)
def test_recipes(runs, recipe):
    answer = tfloss("train", "--recipe", recipe, "--epochs", "2", "--runs", runs)
    assert answer.code == 0, answer.err
    assert "student on holdout" in answer.out
    evaluated = tfloss("evaluate", answer.out.rpartition("run saved in ")[2].strip())
    for said in (answer, evaluated):
        warned = "Warning: The figures on the holdout are not honest: " in said.err
        assert warned == (recipe == "article_leaky")


def test_several_teachers_with_names_of_their_own(runs):
    formula = "bce + 0.5*binary_kl(teacher=soft) + 0.5*kd(teacher=hard)"
    teachers = ("--teacher", "soft=gpc", "--teacher", "hard=rf:n_estimators=20")
    answer = tfloss(
        "train", "--loss", formula, *teachers, "--train-size", "40", "--epochs", "2", "--runs", runs
    )
    assert answer.code == 0, answer.err
    assert "soft on holdout" in answer.out
    assert "hard on holdout" in answer.out


def test_columns_of_a_file_as_weights_and_in_the_formula(runs, tmp_path):
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(60, 2))
    lines = ["a,b,y,w,soft"]
    for a, b in rows:
        label = "" if a > 1.2 else ("yes" if a + b > 0 else "no")
        lines.append(f"{a},{b},{label},{abs(b):.3f},{1 / (1 + np.exp(-a - b)):.3f}")
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(lines) + "\n")
    options = (
        "--data",
        path,
        "--target",
        "y",
        "--weight",
        "w",
        "--columns",
        "soft",
        "--epochs",
        "2",
    )
    answer = tfloss("train", "--loss", "bce + mse(probs, soft)", *options, "--runs", runs)
    assert answer.code == 0, answer.err
    assert "mse(probs, soft)" in answer.out


def test_explain_shows_tensors_with_shape_and_origin():
    answer = tfloss(
        "explain", "bce + linear(0, 1, epochs=5)*abs_kl + l2(hidden1)", "--teacher", "gpc"
    )
    assert answer.code == 0
    for words in (
        "linear(0, 1, epochs=5)",
        "teacher gpc",
        "(batch, 1)",
        "hidden1/kernel",
        "(batch, 10)",
        "mean",
        "one per batch",
    ):
        assert words in answer.out


def test_explain_as_latex():
    answer = tfloss("explain", "bce/2", "--latex")
    assert answer.out == "\\frac{\\mathrm{bce}}{2}\n"


def test_early_stopping_and_class_weights(tmp_path):
    options = ("--early-stopping", "--n-iter-no-change", "2", "--optimizer", "adam:learning_rate=1")
    weights = ("--class-weight", "benign=3", "--runs", tmp_path, "--epochs", "50")
    answer = tfloss("train", "--loss", "bce", *options, *weights)
    assert answer.code == 0, answer.err
    assert "class weights" in answer.err
    assert "malignant 1, benign 3" in answer.err
    result = json.loads((tmp_path / "breast_cancer-1" / "result.json").read_text())
    best = result["best_epoch"]
    assert f"Stopped early, after epoch {best + 2} of 50" in answer.out
    assert result["last"]["epoch"] == best
    assert result["validation"][best - 1] == min(result["validation"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--class-weight", "balance"), "Did you mean 'balanced'"),
        (("--class-weight", "benine=3"), "class 'benine', which 'breast_cancer' does not have"),
        (("--validation-fraction", "1"), "0<x<1"),
    ],
)
def test_early_stopping_and_class_weights_that_cannot_be(options, words, tmp_path):
    answer = tfloss("train", "--loss", "bce", *options, "--runs", tmp_path)
    assert answer.code == 2
    assert words in answer.err
