"""Students that leave: each format's own runtime answers as the student does."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import tfloss
from tests.cli.running import tfloss as command
from tfloss.data import SCALES
from tfloss.errors import NumericsError, UsageError

BLOCKED = """
import sys, importlib.abc
class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tfloss", "tfloss_models", "tfloss_losses"):
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
import numpy as np
rows = np.load("rows.npy")
"""
KERAS = "import keras; answers = keras.models.load_model('s.keras')(rows)"
SAVEDMODEL = (
    "import tensorflow as tf; loaded = tf.saved_model.load('s');"
    "answers = loaded.serve(tf.constant(rows))"
)
ONNX = (
    "import onnxruntime as o; s = o.InferenceSession('s.onnx');"
    "answers = s.run(None, {s.get_inputs()[0].name: rows})[0]"
)
WAYS = {"s.keras": KERAS, "s": SAVEDMODEL, "s.onnx": ONNX}


@pytest.fixture(scope="module")
def result():
    data = tfloss.load_data("breast_cancer", train_size=60)
    return tfloss.fit("bce", data, "mlp:5", epochs=20)


@pytest.fixture(scope="module")
def raw():
    from sklearn.datasets import load_breast_cancer

    return load_breast_cancer().data[:40]


@pytest.mark.parametrize("name", WAYS)
def test_it_runs_where_tfloss_cannot_be_imported(result, raw, name, tmp_path):
    if name == "s.onnx":
        pytest.importorskip("tf2onnx")
        pytest.importorskip("onnxruntime")
    format = "savedmodel" if name == "s" else None
    written = tfloss.export(result, tmp_path / name, format=format, with_scaler=True, probs=True)
    assert written.rows == 256
    assert 0 <= written.difference < 1e-5
    np.save(tmp_path / "rows.npy", raw.astype(np.float32))
    code = f"{BLOCKED}\n{WAYS[name]}\nnp.save('answers.npy', np.asarray(answers))\n"
    code += "assert 'tfloss' not in sys.modules\n"
    left = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True)
    assert left.returncode == 0, left.stderr.decode()[-2000:]
    answers = np.load(tmp_path / "answers.npy")
    np.testing.assert_allclose(answers[:, 0], result.predict(raw)[:, 1], atol=1e-5)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".writing")]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", ["s.keras", "s.onnx", "s.tflite"])
def test_every_scaling_is_exported(raw, scale, name, tmp_path):
    if name == "s.onnx":
        pytest.importorskip("tf2onnx")
        pytest.importorskip("onnxruntime")
    data = tfloss.load_data("breast_cancer", train_size=120, scale=scale)
    trained = tfloss.fit("bce", data, "mlp:5", epochs=3)
    written = tfloss.export(trained, tmp_path / name, with_scaler=True, probs=True)
    # A narrow interval between two quantiles magnifies what float32 rounds off.
    hold = 1e-4 if scale == "quantile" else 1e-5
    assert written.difference < hold
    if name == "s.keras":
        answers = tfloss.keras.models.load_model(written.path)(raw.astype(np.float32)).numpy()
        np.testing.assert_allclose(answers[:, 0], trained.predict(raw)[:, 1], atol=hold)


def test_an_onnx_file_says_what_goes_in_and_comes_out(result, tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("tf2onnx")
    pytest.importorskip("onnxruntime")
    from sklearn.datasets import load_breast_cancer

    tfloss.export(result, tmp_path / "s.onnx", with_scaler=True, probs=True)
    found = {
        one.key: json.loads(one.value) for one in onnx.load(tmp_path / "s.onnx").metadata_props
    }
    source = load_breast_cancer()
    assert found["features"] == source.feature_names.tolist()
    assert found["classes"] == source.target_names.tolist()


def test_litert_answers_as_the_student_and_has_the_names(result, tmp_path):
    from sklearn.datasets import load_breast_cancer

    written = tfloss.export(result, tmp_path / "s.tflite", with_scaler=True)
    assert written.answer == "logits"
    assert written.difference < 1e-4  # asked with the names in it
    with zipfile.ZipFile(tmp_path / "s.tflite") as archive:
        found = {name: json.loads(archive.read(name)) for name in archive.namelist()}
    source = load_breast_cancer()
    assert found["features.json"] == source.feature_names.tolist()
    assert found["classes.json"] == source.target_names.tolist()


def test_several_classes_and_regression(tmp_path):
    wine = tfloss.fit("ce", tfloss.load_data("wine"), "mlp:4", epochs=2)
    written = tfloss.export(wine, tmp_path / "wine.keras", with_scaler=True, probs=True)
    from tfloss import keras

    answers = keras.models.load_model(written.path)(
        wine.data.scaler.restore(wine.data.train.inputs)
    )
    assert answers.shape[1] == 3
    np.testing.assert_allclose(np.sum(answers, axis=1), 1, atol=1e-6)
    diabetes = tfloss.fit("mse", tfloss.load_data("diabetes"), "mlp:4", epochs=2)
    written = tfloss.export(diabetes, tmp_path / "diabetes.keras", probs=True)
    assert written.answer == "prediction"  # there are no probabilities


def test_features_far_from_zero_keep_their_digits(tmp_path):
    random = np.random.default_rng(0)
    features = 1000 + random.normal(size=(80, 3))  # means 1000 deviations away from 0
    data = tfloss.load_data((features, (features[:, 0] > 1000).astype(int)))
    result = tfloss.fit("bce", data, "mlp:4", epochs=20)
    written = tfloss.export(result, tmp_path / "s.keras", with_scaler=True)
    assert written.difference < 1e-4  # a float32 near 1000 is exact to 6e-5


def test_nothing_is_overwritten_and_nothing_half_is_left(result, tmp_path, monkeypatch):
    from tfloss.exporting import formats

    (tmp_path / "s.keras").write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        tfloss.export(result, tmp_path / "s.keras")
    assert (tmp_path / "s.keras").read_text() == "mine"
    wrong = formats.Format("", lambda m, p: p.mkdir(), lambda p, rows: np.full((len(rows), 1), 7.0))
    monkeypatch.setitem(formats.FORMATS, "savedmodel", wrong)
    with pytest.raises(NumericsError, match="differs by"):
        tfloss.export(result, tmp_path / "folder", format="savedmodel")
    assert [path.name for path in tmp_path.iterdir()] == ["s.keras"]


def test_bad_formats_are_one_sentence(result, tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="formats are keras, litert, onnx, savedmodel"):
        tfloss.export(result, tmp_path / "s.pb")
    with pytest.raises(UsageError, match=r"ends in '\.onnx'"):
        tfloss.export(result, tmp_path / "s.keras", format="onnx")
    from tfloss.exporting import formats

    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'tfloss\[onnx\]'"):
        tfloss.export(result, tmp_path / "s.onnx")


def test_the_command_exports_a_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small = ("--loss", "bce", "--epochs", "2", "--train-size", "50", "--quiet")
    trained = command("train", *small)
    assert trained.code == 0, trained.err
    folder = "runs/breast_cancer-1"
    options = ("--format", "keras", "--with-scaler", "--probs")
    made = command("export", folder, *options)
    assert made.code == 0, made.err
    path, said = made.out.splitlines()
    assert path == f"{folder}/exports/student-scaled-probs.keras"
    assert "takes 30 features, unscaled; answers with probs of benign" in said
    assert made.err == ""
    again = command("export", folder, *options)
    assert again.code == 2
    assert "exists already" in again.err
    assert command("evaluate", folder).code == 0  # the run is as it was
    unknown = command("export", "nowhere", "--format", "keras")
    assert unknown.code == 2
    assert "not the folder of a finished run" in unknown.err
