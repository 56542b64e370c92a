"""Keras models as teachers, against Keras itself."""

import keras
import numpy as np
import pytest

import tfloss
from tfloss.data import load_dataset, prepare
from tfloss.errors import DataError, PluginError, UsageError
from tfloss.registry import load_registry
from tfloss.teachers import PrefittedTeacher, fit_teachers

REGISTRY = load_registry()


@pytest.fixture(scope="module")
def data():
    return prepare(load_dataset("iris", REGISTRY))


def _network(outputs=3, features=4, activation=None, last=None):
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Input((features,)),
        keras.layers.Dense(6, "tanh", name="hidden1"),
        keras.layers.Dense(outputs, activation, name="last"),
    ]
    return keras.Sequential(layers + ([last] if last else []))


def _unscaled(data):
    return data.scaler.restore(data.train.inputs.astype(float)).astype(np.float32)


@pytest.mark.parametrize(
    ("activation", "last"),
    [(None, None), ("softmax", None), (None, keras.layers.Softmax())],
    ids=["logits", "softmax", "softmax layer"],
)
def test_probabilities_logits_and_layers(data, activation, last):
    model = _network(activation=activation, last=last)
    before = model(_unscaled(data)).numpy()
    teacher = fit_teachers(model, data, REGISTRY, tensors={"teacher.hidden1", "teacher", "kl"})[
        "teacher"
    ]
    found = teacher.tensors("train")
    assert set(found) == {"teacher", "teacher.logits", "teacher.hidden1"}
    dense = model.get_layer("hidden1")
    hidden = dense(_unscaled(data)).numpy()
    np.testing.assert_allclose(found["teacher.hidden1"], hidden, atol=1e-5)
    logits = hidden @ model.get_layer("last").kernel.numpy()
    np.testing.assert_allclose(found["teacher.logits"], logits, atol=1e-4)
    probabilities = keras.ops.softmax(logits).numpy()
    np.testing.assert_allclose(found["teacher"], probabilities, atol=1e-5)
    # The model is the user's: it answers as it did.
    np.testing.assert_array_equal(model(_unscaled(data)).numpy(), before)


def test_answers_are_kept_until_a_weight_a_layer_or_the_rows_change(data, tmp_path):
    model = _network()

    def ask(model=model, data=data, tensors=("teacher",)):
        teacher = fit_teachers(model, data, REGISTRY, tensors=set(tensors), cache=tmp_path)[
            "teacher"
        ]
        return "come from the cache" in teacher.notes[-1], teacher.tensors("train")

    (kept, first), (again, second) = ask(), ask()
    assert (kept, again) == (False, True)
    for name, values in first.items():
        np.testing.assert_array_equal(second[name], values)
    assert not ask(tensors=("teacher.hidden1",))[0]
    found, tensors = ask(tensors=("teacher.hidden1",))
    assert found
    assert "teacher.hidden1" in tensors
    assert not ask(data=prepare(load_dataset("iris", REGISTRY), seed=1))[0]
    changed = keras.models.clone_model(model)
    changed.set_weights([weight + 1e-3 for weight in model.get_weights()])
    assert not ask(changed)[0]


def test_two_classes_on_one_and_on_two_outputs():
    data = prepare(load_dataset("breast_cancer", REGISTRY))
    rows = data.train.inputs
    for outputs in (1, 2):
        model = _network(outputs, features=30)
        teacher = fit_teachers(PrefittedTeacher(model, scaled=True), data, REGISTRY)["teacher"]
        logits = model(rows).numpy()
        logits = logits if outputs == 1 else logits[:, 1:] - logits[:, :1]
        assert teacher.predictions_train.shape == (len(rows), 1)
        expected = keras.ops.sigmoid(logits).numpy()
        np.testing.assert_allclose(teacher.predictions_train, expected, atol=1e-6)
        np.testing.assert_allclose(teacher.tensors("train")["teacher.logits"], logits, atol=1e-5)


def test_regression():
    data = prepare(load_dataset("diabetes", REGISTRY))
    model = _network(1, features=10, activation="sigmoid")
    teacher = fit_teachers(model, data, REGISTRY)["teacher"]
    np.testing.assert_allclose(teacher.predictions_train, model(_unscaled(data)).numpy(), atol=1e-6)
    assert set(teacher.tensors("train")) == {"teacher"}


def test_a_file(data, tmp_path):
    path = tmp_path / "net.keras"
    model = _network()
    model.save(path)
    for text, rows in ((str(path), _unscaled(data)), (f"{path}:scaled=true", data.train.inputs)):
        teacher = fit_teachers(text, data, REGISTRY)["teacher"]
        expected = keras.ops.softmax(model(rows)).numpy()
        np.testing.assert_allclose(teacher.predictions_train, expected, atol=1e-5)
        assert teacher.origin == "prefitted"
    with pytest.raises(UsageError, match=r"no file .*Did you mean 'net.keras'"):
        fit_teachers(str(tmp_path / "nett.keras"), data, REGISTRY)


def test_a_file_that_would_run_code(data, tmp_path):
    path = tmp_path / "evil.keras"
    _network(last=keras.layers.Lambda(lambda x: x)).save(path)
    with pytest.raises(UsageError, match=r"Lambda', which is code .* package\.module:factory"):
        fit_teachers(str(path), data, REGISTRY)
    (tmp_path / "broken.keras").write_text("no model")
    with pytest.raises(UsageError, match=r"not a complete \.keras file"):
        fit_teachers(str(tmp_path / "broken.keras"), data, REGISTRY)


def test_a_model_that_is_not_functional(data):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(3)

        def call(self, rows):
            return self.dense(rows)

    with pytest.raises(UsageError, match="without weights"):
        fit_teachers(Own(), data, REGISTRY)
    model = Own()
    logits = model(_unscaled(data))
    teacher = fit_teachers(model, data, REGISTRY)["teacher"]
    np.testing.assert_allclose(teacher.predictions_train, keras.ops.softmax(logits), atol=1e-5)
    assert any("taken as logits" in note for note in teacher.notes)
    layer = f"teacher.{model.dense.name}"
    inner = fit_teachers(model, data, REGISTRY, tensors={layer})["teacher"].tensors("train")
    np.testing.assert_allclose(inner[layer], logits, atol=1e-5)


@pytest.mark.parametrize(
    ("model", "error", "sentence"),
    [
        (_network(features=5), DataError, "but 'iris' has 4 features"),
        (_network(outputs=4), DataError, "gives 4 outputs, but 'iris' needs 3"),
    ],
)
def test_models_for_other_data(data, model, error, sentence):
    with pytest.raises(error, match=sentence):
        fit_teachers(model, data, REGISTRY)


def test_a_misspelt_layer_and_broken_weights(data):
    with pytest.raises(UsageError, match=r"no layer 'hiden1'.*Did you mean 'hidden1'"):
        fit_teachers(_network(), data, REGISTRY, tensors={"teacher.hiden1"})
    model = _network()
    model.get_layer("last").kernel.assign(np.full((6, 3), np.nan))
    with pytest.raises(PluginError, match="NaN or infinity in its tensor 'logits'"):
        fit_teachers(model, data, REGISTRY)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run on half of iris, as `tfloss train` leaves it."""
    from tests.cli.running import tfloss

    folder = tmp_path_factory.mktemp("runs")
    options = ("--data", "iris", "--train-fraction", "0.5", "--epochs", "2", "--runs", folder)
    assert tfloss("train", "--loss", "ce", *options, "--quiet").code == 0
    return folder / "iris-1"


def test_the_student_of_a_run_brings_its_scaling(run):
    data = prepare(load_dataset("iris", REGISTRY), train_fraction=0.5, scale="none")
    teacher = fit_teachers(str(run / "student.keras"), data, REGISTRY)["teacher"]
    own = prepare(load_dataset("iris", REGISTRY), train_fraction=0.5)
    np.testing.assert_array_equal(own.train.rows, data.train.rows)
    expected = keras.ops.softmax(teacher.estimator(own.holdout.inputs)).numpy()
    np.testing.assert_allclose(teacher.predictions_holdout, expected, atol=1e-5)
    assert "scaled as when it was trained" in teacher.notes[0]


def test_the_student_of_a_run_that_saw_the_holdout_is_refused(run):
    text = str(run / "student.keras")
    other = prepare(load_dataset("iris", REGISTRY), train_fraction=0.5, seed=1)
    with pytest.raises(DataError, match=r"was fitted on \d+ of the 75 rows that are held out"):
        fit_teachers(text, other, REGISTRY)
    wine = prepare(load_dataset("wine", REGISTRY))
    with pytest.raises(DataError, match="was fitted on 4 features, but 'wine' has 13"):
        fit_teachers(text, wine, REGISTRY)


def test_the_student_of_a_run_that_was_changed_is_refused(run, data, tmp_path):
    import shutil

    shutil.copytree(run, tmp_path / "copy")
    path = tmp_path / "copy" / "student.keras"
    _network().save(path)
    with pytest.raises(DataError, match="SHA-256"):
        fit_teachers(str(path), data, REGISTRY)


def test_the_student_of_a_run_fills_gaps_as_its_own_run_did(tmp_path):
    """With its own medians and categories, on rows that this training would treat otherwise."""
    from tests.cli.running import tfloss as command

    random = np.random.default_rng(0)
    lines = ["a,b,city,y"]
    for row in range(120):
        a = "" if random.random() < 0.3 else f"{random.normal(row / 20, 1):.3f}"
        city = random.choice(["Rome", "Oslo", "Lima"])
        lines.append(f"{a},{random.normal():.3f},{city},{random.poisson(3 + row / 40):d}")
    (tmp_path / "whole.csv").write_text("\n".join(lines) + "\n")
    few = [lines[0], *(line for line in lines[61:] if not line.startswith(","))]
    (tmp_path / "few.csv").write_text("\n".join(few) + "\n")
    options = ("--target", "y", "--epochs", "2", "--runs", tmp_path, "--quiet")
    told = command("train", "--loss", "poisson", "--data", tmp_path / "whole.csv", *options)
    assert told.code == 0, told.err
    answers = command("predict", tmp_path / "whole-1", tmp_path / "few.csv").out.splitlines()[1:]
    data = tfloss.load_data(
        str(tmp_path / "few.csv"), target="y", task="regression", train_fraction=0.5
    )
    assert data.n_features == 5  # no gaps here, and one column more in the run
    text = str(tmp_path / "whole-1" / "student.keras")
    teacher = fit_teachers(text, data, REGISTRY)["teacher"]
    expected = np.array(answers, np.float64)[data.holdout.rows]
    np.testing.assert_allclose(teacher.predictions_holdout[:, 0], expected, rtol=1e-4)
