"""A category of many values that the student learns vectors for, from the command line on."""

import csv
import json

import numpy as np
import pytest

import tfloss as package
from tests.cli.running import tfloss

SHOPS, ROWS = 150, 900


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """A file in which the shop decides nearly all, and no shop has a hundredth of the rows."""
    random = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("data") / "shops.csv"
    good = random.random(SHOPS) < 0.5
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["x", "shop", "sold"])
        for place in random.permutation(ROWS):
            shop = place % SHOPS
            sold = good[shop] ^ (random.random() < 0.05)
            writer.writerow([f"{random.normal():.3f}", f"no {shop}", "yes" if sold else "no"])
    return path


@pytest.fixture(scope="module")
def run(rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    answer = tfloss(
        *("train", "--loss", "bce + 1e-4*l2(embedding_shop) + 0.1*binary_kl", "--teacher", "lr"),
        *("--data", rows, "--target", "sold", "--embed", "shop", "--model", "mlp:8"),
        *("--optimizer", "adam:learning_rate=0.02", "--epochs", "20", "--runs", folder),
    )
    assert answer.code == 0, answer.err
    assert "a vector of 32 for each of 150 values" in answer.err
    return folder / "shops-1"


def test_the_student_learns_what_no_column_could_tell(run, rows):
    scores = json.loads((run / "result.json").read_text())["scores"]
    assert scores["student on holdout"]["accuracy"] > 0.85
    assert scores["teacher on holdout"]["accuracy"] < 0.75  # a rare shop is like another to it
    data = package.load_data(rows, target="sold")
    assert data.feature_names == ("x", "shop=(rare)")


def test_evaluate_and_predict_carry_it(run, tmp_path):
    recorded = json.loads((run / "result.json").read_text())["scores"]["student on holdout"]
    assert f"{recorded['log_loss']:.4f}" in tfloss("evaluate", run).out
    new = tmp_path / "new.csv"
    new.write_text("shop,x\nno 3,0.1\nAtlantis,0.1\nBabylon,0.1\n,0.1\n")
    lines = list(csv.DictReader(tfloss("predict", run, new).out.splitlines()))
    values = [float(line["p(yes)"]) for line in lines]
    assert values[1] == values[2] == values[3] != values[0]


@pytest.mark.parametrize("format", ["keras", "onnx"])
def test_exported(run, rows, tmp_path, format):
    if format == "onnx":
        pytest.importorskip("tf2onnx")
        pytest.importorskip("onnxruntime")
    path = tmp_path / f"m.{format}"
    scaler = ("--with-scaler",) if format == "keras" else ()  # which looks the text up
    answer = tfloss("export", run, "--format", format, *scaler, "--probs", "--output", path)
    assert answer.code == 0, answer.err
    if format == "onnx":
        assert "encoded columns: x, shop" in answer.out
        return
    import keras
    import tensorflow as tf

    table = list(csv.DictReader(rows.open()))
    inputs = {"shop": tf.constant([[row["shop"]] for row in table])}
    inputs["x"] = tf.constant([[float(row["x"])] for row in table])
    found = np.asarray(keras.models.load_model(path)(inputs))[:, 0]
    predicted = csv.DictReader(tfloss("predict", run, rows).out.splitlines())
    np.testing.assert_allclose(found, [float(row["p(yes)"]) for row in predicted], atol=1e-5)


def test_networks_as_teachers(run, rows, tmp_path):
    """The student of a run has its own positions; another network would take them for numbers."""
    same = ("--data", rows, "--target", "sold", "--embed", "shop", "--runs", tmp_path, "--quiet")
    student = ("--teacher", run / "student.keras", "--epochs", "1")
    answer = tfloss("train", "--loss", "bce + kd", *same, *student)
    assert answer.code == 0, answer.err
    own = json.loads((run / "result.json").read_text())["scores"]["student on holdout"]
    taught = json.loads((tmp_path / "shops-1" / "result.json").read_text())["scores"]
    assert taught["teacher on holdout"]["log_loss"] == pytest.approx(own["log_loss"], abs=1e-5)
    other = package.keras.Sequential([package.keras.Input((2,)), package.keras.layers.Dense(1)])
    other.save(tmp_path / "other.keras")
    answer = tfloss("train", "--loss", "bce + kd", *same, "--teacher", tmp_path / "other.keras")
    assert answer.code == 2
    assert "would take the positions of embedded categories (shop) for numbers" in answer.err


def test_as_a_product_of_its_own(rows):
    """The student of `mlp:4` on a lookup that is written by hand."""
    data = package.load_data(rows, target="sold", embed="shop")
    student = package.fit("bce", data, "mlp:4", epochs=1).student
    assert "hidden1" in student.taps
    assert set(student.weights) == {
        "embedding_shop/kernel", "hidden1/kernel", "hidden1/bias", "logits/kernel", "logits/bias",
    }  # fmt: skip
    w = {name: weight.numpy().astype(np.float64) for name, weight in student.weights.items()}
    inputs = data.holdout.inputs.astype(np.float64)
    vectors = w["embedding_shop/kernel"][inputs[:, 1].astype(int)]
    hidden = np.hstack([inputs[:, :1], vectors]) @ w["hidden1/kernel"] + w["hidden1/bias"]
    logits = 1 / (1 + np.exp(-hidden)) @ w["logits/kernel"] + w["logits/bias"]
    np.testing.assert_allclose(student.forward_model(data.holdout.inputs), logits, atol=1e-5)


def test_positions_stay_whole_in_half_precision(full_size):
    """bfloat16 has eight bits: positions above 256 would be those of neighbours."""
    if not full_size:
        pytest.skip("it compiles another program")
    random = np.random.default_rng(0)
    names = np.array([f"v{n:04}" for n in range(600)])
    good = random.random(600) < 0.5
    features = {"name": np.repeat(names, 4), "x": random.normal(size=2400)}
    data = package.load_data((features, np.repeat(good, 4).astype(int)), embed="name")
    result = package.fit(
        "bce",
        data,
        "mlp:8",
        epochs=15,
        precision="mixed_bfloat16",
        optimizer="adam:learning_rate=0.02",
    )
    assert result.scores["student on holdout"]["accuracy"] > 0.9
