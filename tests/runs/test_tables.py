"""Tables with text, gaps and dates, from the command line to an exported model without tfloss."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.running import tfloss

MIXED = Path(__file__).parents[1] / "data" / "tables" / "mixed.csv"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    answer = tfloss(
        *("train", "--loss", "bce", "--data", MIXED, "--target", "answer", "--drop", "id"),
        *("--epochs", "3", "--runs", folder),
    )
    assert answer.code == 0, answer.err
    assert "left out" in answer.err
    assert "'name' is text with" in answer.err
    return folder / "mixed-1"


def test_nothing_of_it_is_a_pickle(run):
    said = json.loads((run / "manifest.json").read_text())["data"]
    assert said["features"] == ["age", "fare", "city", "deck", "member", "day"]
    assert said["encoder"]["gaps"] == ["age"]
    assert "name" in said["encoder"]["left_out"]


def test_evaluate_scores_as_training_did(run):
    recorded = json.loads((run / "result.json").read_text())["scores"]["student on holdout"]
    answer = tfloss("evaluate", run)
    assert answer.code == 0, answer.err
    assert f"{recorded['log_loss']:.4f}" in answer.out


def test_predict_carries_ids(run, tmp_path):
    rows = list(csv.reader(MIXED.open()))
    with (tmp_path / "new.csv").open("w", newline="") as file:  # columns in another order, text new
        header = rows[0][::-1]
        writer = csv.writer(file)
        writer.writerow(header)
        rows[1][rows[0].index("city")] = "Atlantis"
        writer.writerows(row[::-1] for row in rows[1:6])
    answer = tfloss("predict", run, tmp_path / "new.csv", "--id", "id", "--id", "name")
    assert answer.code == 0, answer.err
    lines = list(csv.DictReader(answer.out.splitlines()))
    assert [line["id"] for line in lines] == [row[0] for row in rows[1:6]]
    assert [line["name"] for line in lines] == [row[1] for row in rows[1:6]]
    same = tfloss("predict", run, MIXED)
    assert list(csv.DictReader(same.out.splitlines()))[1]["p(yes)"] == lines[1]["p(yes)"]


@pytest.mark.parametrize("format", ["keras", "savedmodel"])
def test_exported_with_text_inside(run, tmp_path, format):
    import keras
    import tensorflow as tf

    path = tmp_path / ("m.keras" if format == "keras" else "folder")
    options = ("--with-scaler", "--probs", "--output", path)
    answer = tfloss("export", run, "--format", format, *options)
    assert answer.code == 0, answer.err
    rows = list(csv.DictReader(MIXED.open()))
    days = (np.array([row["day"] for row in rows], "M8[D]") - np.datetime64(0, "D")).astype(float)
    numbers = {
        "age": [float(row["age"] or "nan") for row in rows],
        "fare": [float(row["fare"]) for row in rows],
        "member": [float(row["member"] == "true") for row in rows],
        "day": days.tolist(),
    }
    inputs = {name: tf.constant(np.array(v, np.float32)[:, None]) for name, v in numbers.items()}
    for name in ("city", "deck"):
        inputs[name] = tf.constant([[row[name]] for row in rows])
    if format == "keras":
        found = np.asarray(keras.models.load_model(path)(inputs))[:, 0]
    else:
        loaded = tf.saved_model.load(str(path))
        found = loaded.serve(inputs).numpy()[:, 0]
    predicted = list(csv.DictReader(tfloss("predict", run, MIXED).out.splitlines()))
    np.testing.assert_allclose(found, [float(r["p(yes)"]) for r in predicted], atol=1e-5)


def test_onnx_cannot_look_text_up(run, tmp_path):
    answer = tfloss(
        "export", run, "--format", "onnx", "--with-scaler", "--output", tmp_path / "m.onnx"
    )
    assert answer.code == 2
    assert "cannot look up the text of city, deck" in answer.err
    answer = tfloss("export", run, "--format", "onnx", "--output", tmp_path / "m.onnx")
    assert answer.code == 0
    assert "encoded columns: age, fare, member, day" in answer.out


def test_gaps_inside_of_onnx(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    import tfloss as package

    random = np.random.default_rng(0)
    features = random.normal(size=(80, 3))
    features[random.random((80, 3)) < 0.2] = np.nan
    target = (np.nan_to_num(features).sum(axis=1) > 0).astype(int)
    data = package.load_data((features, target))
    result = package.fit("bce", data, epochs=2)
    path = tmp_path / "m.onnx"
    package.export(result, path, with_scaler=True, probs=True)
    session = onnxruntime.InferenceSession(str(path))
    rows = {session.get_inputs()[0].name: features.astype(np.float32)}
    found = session.run(None, rows)[0][:, 0]
    np.testing.assert_allclose(found, result.predict(features)[:, 1], atol=1e-5)


def test_compare_encodes_by_each_seeds_rows(tmp_path):
    import tfloss as package

    options = {"target": "answer", "drop": "id", "embed": "city", "train_size": 20}
    result = package.compare(["bce"], MIXED, **options, seeds=4, epochs=2)
    assert np.isfinite(result.values["tables"][-1]["rows"][0]["mean"]["mean"])
    assert not any("one at a time" in note for note in result.values["notes"])
