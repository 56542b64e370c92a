"""Teachers on the command line: their pages, their options, what a training shows of them."""

from __future__ import annotations

import io
import subprocess
import sys
import tomllib
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from rich.console import Console

from tests.cli.running import tfloss
from tfloss.report.teachers import AskingProgress, trust_table

DISTIL = ("train", "--loss", "bce + 0.1*binary_kl", "--epochs", "1")


def test_the_list_says_what_each_can_do():
    answer = tfloss("teachers")
    assert answer.code == 0
    lines = {line.split()[1]: line for line in answer.out.splitlines() if line.startswith("│")}
    assert "probabilities" in lines["rf"]
    assert "calibrated" in lines["svc"]
    assert "prediction and deviation" in lines["gpr"]
    assert "FILE.keras" in answer.out


def test_the_list_imports_neither_scikit_learn_nor_tensorflow():
    code = (
        "import sys; from tfloss.cli.main import cli;"
        "cli.main(['teachers'], standalone_mode=False);"
        "print({'sklearn', 'tensorflow', 'keras'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "set()"


def test_all_of_scikit_learn():
    from sklearn.utils import all_estimators

    answer = tfloss("teachers", "--all")
    assert answer.code == 0
    words = set(answer.out.split())
    listed = [name for name, _ in all_estimators(type_filter=["classifier", "regressor"])]
    assert len(listed) > 90
    assert all(name in words for name in listed if len(name) < 30)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gpc", ["GaussianProcessClassifier", "4000 rows: 8.8 s", "kernel=1**2 * RBF"]),
        ("rf", ["answers with probabilities", "n_estimators=100", "calibrate=auto"]),
        ("RidgeClassifier", ["answers with calibrated", "5-fold cross-validation"]),
        ("StackingRegressor", ["For regression", "Must be given: estimators"]),
        ("ClassifierChain", ["cannot teach", "several targets at once"]),
        ("column:soft", ["computed elsewhere"]),
    ],
)
def test_a_page(name, words):
    answer = tfloss("teachers", name)
    assert answer.code == 0
    assert all(word in answer.out for word in words)


def test_regression_from_end_to_end(tmp_path):
    loss = "mse + 0.5*mse(teacher, prediction) + 0.1*mse(teacher.std, prediction)"
    options = ("--data", "diabetes", "--teacher", "br", "--epochs", "1", "--runs", tmp_path)
    answer = tfloss("train", "--loss", loss, *options)
    assert answer.code == 0, answer.err
    assert "mse(teacher.std, prediction)" in answer.out
    assert "out of fold" in answer.out
    refused = tfloss("train", "--loss", loss, *options[:2], "--teacher", "rfr:n_estimators=3")
    assert refused.code == 2
    assert "teacher.std" in refused.err


def test_options_are_part_of_the_run_but_for_jobs_and_cache(tmp_path):
    options = ("--teacher-rows", "60", "--teacher-calibrate", "isotonic", "--augment", "0.5")
    cache = tmp_path / "cache"
    first = tfloss(*DISTIL, "--teacher", "nb", *options, "--n-jobs", "2", "--cache", cache,
                   "--runs", tmp_path / "runs")  # fmt: skip
    assert first.code == 0, first.err
    assert "768 rows trained" in first.out  # 512 and half as many added
    assert "calibrated (isotonic)" in first.out
    assert len(list(cache.iterdir())) == 1
    config = tmp_path / "runs" / "breast_cancer-1" / "config.toml"
    values = tomllib.loads(config.read_text())
    assert (values["teacher_rows"], values["teacher_calibrate"]) == (60, "isotonic")
    assert (values["augment"], values["augment_noise"]) == (0.5, 0.1)
    assert not {"n_jobs", "cache"} & set(values)
    again = tfloss("train", "--config", config, "--cache", cache, "--runs", tmp_path / "runs")
    assert again.code == 0, again.err
    assert "Its predictions come from the cache" in again.out


def test_a_network_and_its_layer(tmp_path):
    path = tmp_path / "wide.keras"
    layers = [keras.layers.Dense(10, "relu", name="inner"), keras.layers.Dense(1, "sigmoid")]
    keras.Sequential([keras.layers.Input((30,)), *layers]).save(path)
    loss = "bce + 0.1*mse(hidden1, big.inner) + 0.1*mse(logits, big.logits)"
    options = ("--teacher", f"big={path}:scaled=true", "--epochs", "1", "--runs", tmp_path)
    answer = tfloss("train", "--loss", loss, *options)
    assert answer.code == 0, answer.err
    assert "mse(hidden1, big.inner)" in answer.out
    explained = tfloss("explain", loss, *options[:2])
    assert explained.code == 0, explained.err
    assert "layer of big" in explained.out
    refused = tfloss("train", "--loss", "bce + mse(hidden1, big.iner)", *options)
    assert (refused.code, "Did you mean 'inner'" in refused.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*DISTIL[:2], "bce", "--augment", "1"), "name one"),
        ((*DISTIL, "--teacher", "rf", "--teacher-rows", "1"), "teacher-rows"),
        ((*DISTIL, "--teacher", "rf", "--teacher-calibrate", "platt"), "platt"),
        ((*DISTIL, "--teacher", "nowhere.keras"), "There is no file"),
        ((*DISTIL[:2], "bce + mse(logits, teacher.hidden1)", "--teacher", "rf"), "no tensor"),
    ],
)
def test_bad_options(arguments, words):
    answer = tfloss(*arguments)
    assert answer.code == 2
    assert words in answer.err


def test_too_expensive_unless_forced(tmp_path):
    data = tmp_path / "many.npz"
    random = np.random.default_rng(0)
    np.savez(data, x=random.normal(size=(20_000, 2)), y=np.arange(20_000) % 2)
    answer = tfloss(*DISTIL, "--data", data, "--teacher", "gpc")
    assert answer.code == 2
    assert "--teacher-rows 1000" in answer.err
    assert "--teacher-force" in answer.err


def test_the_bar_follows_the_rows():
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100)
    with AskingProgress(console) as watch:
        for done in (0, 50, 100):
            watch("rf", done, 100)
    assert "100/100" in stream.getvalue()


def test_the_gap_is_shown_where_there_is_one():
    scores = {"own rows": {"accuracy": 1.0}, "out of fold": {"accuracy": 0.8}}
    table = trust_table({"rf": SimpleNamespace(scores=scores)})
    console = Console(file=io.StringIO(), width=80)
    console.print(table)
    assert "rf: accuracy" in console.file.getvalue()
    assert trust_table({"c": SimpleNamespace(scores={"holdout": {"accuracy": 1.0}})}) is None
