"""Students: logits found, layers in reach, misfits refused."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy.special import expit, softmax

from tfloss.errors import UsageError
from tfloss.student import known_layers, make_student, wrap_model

INPUTS = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


def functional(last: str | None = None, units: int = 1) -> keras.Model:
    source = keras.Input((3,))
    hidden = keras.layers.Dense(4, "tanh", name="hidden")(source)
    return keras.Model(source, keras.layers.Dense(units, last, name="out")(hidden))


@pytest.mark.parametrize(
    ("last", "units", "inverse"), [("sigmoid", 1, expit), ("softmax", 3, lambda z: softmax(z, 1))]
)
def test_probabilities_at_the_end_become_logits(last, units, inverse):
    model = functional(last, units)
    probabilities = model(INPUTS).numpy()
    student = wrap_model(model)
    logits = student.forward_model(INPUTS).numpy()
    np.testing.assert_allclose(inverse(logits), probabilities, rtol=1e-5)
    assert f"the {last} of the last layer, 'out'" in student.note


@pytest.mark.parametrize("layer", [keras.layers.Softmax(), keras.layers.Activation("softmax")])
def test_a_layer_of_probabilities_at_the_end_is_passed_by(layer):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3), layer])
    student = wrap_model(model)
    logits = student.forward_model(INPUTS).numpy()
    np.testing.assert_allclose(softmax(logits, 1), model(INPUTS).numpy(), rtol=1e-5)


def test_logits_stay_what_they_are():
    model = functional()
    student = wrap_model(model)
    assert student.note == ""
    np.testing.assert_array_equal(student.forward_model(INPUTS), model(INPUTS))


def test_every_layer_is_a_tap():
    student = wrap_model(functional())
    tapped = student.tapped({"hidden"})(INPUTS, training=False)
    expected = student.model.get_layer("hidden")(INPUTS)
    np.testing.assert_allclose(tapped["hidden"], expected, rtol=1e-6)
    assert set(student.taps) == {"hidden", "out"}


def test_a_layer_that_is_called_twice_has_two_taps():
    source = keras.Input((3,))
    shared = keras.layers.Dense(3, name="shared")
    model = keras.Model(source, keras.layers.Dense(1, name="out")(shared(shared(source))))
    tapped = wrap_model(model).tapped({"shared", "shared.call2"})(INPUTS, training=False)
    once = shared(INPUTS)
    np.testing.assert_allclose(tapped["shared"], once, rtol=1e-6)
    np.testing.assert_allclose(tapped["shared.call2"], shared(once), rtol=1e-5)


def test_sequential_models_have_taps_too():
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2, name="first"), keras.layers.Dense(1)]
    )
    assert "first" in wrap_model(model).taps


def test_weights_by_path():
    student = wrap_model(functional())
    assert set(student.weights) == {"hidden/kernel", "hidden/bias", "out/kernel", "out/bias"}
    scope = student.scope()
    assert scope.matching_weights("hidden") == ["hidden/kernel", "hidden/bias"]
    assert scope.matching_weights("*/kernel") == ["hidden/kernel", "out/kernel"]
    assert scope.matching_weights("hidden.bias") == ["hidden/bias"]
    assert len(scope.matching_weights("weights")) == 4


def test_weights_of_a_model_inside():
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="deep")], name="inner")
    source = keras.Input((3,))
    model = keras.Model(source, keras.layers.Dense(1, name="out")(inner(source)))
    assert "inner/deep/kernel" in wrap_model(model).weights


def test_a_subclassed_model_has_logits_and_no_taps():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)

        def call(self, inputs, training=False):
            return self.dense(inputs)

    model = Own()
    model(INPUTS)
    student = wrap_model(model)
    assert student.taps == {}
    np.testing.assert_array_equal(
        student.tapped(set())(INPUTS, training=False)["logits"], model(INPUTS)
    )


def test_the_mlp_is_the_articles_network(registry):
    student = make_student("mlp:10,10", inputs=30, outputs=1, registry=registry)
    layers = [layer for layer in student.model.layers if layer.weights]
    assert [layer.units for layer in layers] == [10, 10, 1]
    assert [layer.activation.__name__ for layer in layers] == ["sigmoid", "sigmoid", "linear"]
    assert known_layers("mlp:10,10", registry) == ("hidden1", "hidden2")
    assert set(student.taps) >= {"hidden1", "hidden2"}


def test_initial_weights_by_keras_initializers(registry):
    text = "mlp:200,300,kernel_initializer=random_normal(stddev=2),bias_initializer=ones"
    weights = make_student(text, inputs=100, outputs=1, registry=registry).weights
    for layer in ("hidden1", "hidden2", "logits"):
        kernel = weights[f"{layer}/kernel"].numpy()
        assert abs(kernel.std() - 2) < 0.4
        assert (weights[f"{layer}/bias"].numpy() == 1).all()
    first, second = (weights[f"hidden{n}/kernel"].numpy().ravel()[:99] for n in (1, 2))
    assert (first != second).all()


def test_initial_weights_layer_by_layer(registry):
    initializers = "[truncated_normal(stddev=0.1), random_normal(stddev=1), zeros]"
    text = f"mlp(200, 300, kernel_initializer={initializers}, bias_initializer={initializers})"
    weights = make_student(text, inputs=100, outputs=4, registry=registry).weights
    for part in ("kernel", "bias"):
        first, second, last = (
            weights[f"{layer}/{part}"].numpy() for layer in ("hidden1", "hidden2", "logits")
        )
        assert np.abs(first).max() <= 0.2  # cut off at two standard deviations, and not made wider
        assert first.std() == pytest.approx(0.088, abs=0.01)
        assert second.std() == pytest.approx(1, abs=0.1)
        assert not last.any()


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("kernel_initializer=[ones, ones]", "has 3 layers, the logits' among them, but 2 values"),
        ("bias_initializer=best", "cannot have the initializer 'best' with no settings"),
        ("kernel_initializer=ones(stddev=1)", "cannot have the initializer 'ones' with"),
    ],
)
def test_initializers_that_cannot_be(registry, setting, words):
    with pytest.raises(UsageError, match=words):
        make_student(f"mlp(4, 4, {setting})", inputs=3, outputs=1, registry=registry)


def test_weights_without_a_setting_are_those_of_keras_own_layers(registry):
    student = make_student("mlp:4", inputs=3, outputs=1, registry=registry, seed=5)
    keras.utils.set_random_seed(5)
    own = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(1)])
    for ours, theirs in zip(student.model.get_weights(), own.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_factory_in_a_module_without_a_dot(registry, tmp_path, monkeypatch):
    (tmp_path / "own_models.py").write_text(
        "import keras\n"
        "def small(inputs, outputs):\n"
        "    return keras.Sequential([keras.Input((inputs,)), keras.layers.Dense(outputs)])\n"
    )
    monkeypatch.chdir(tmp_path)
    assert known_layers("own_models:small", registry) is None
    student = make_student("own_models:small", inputs=3, outputs=2, registry=registry)
    assert student.n_outputs == 2
    with pytest.raises(UsageError, match=r"no module 'own_modls'.*no model called 'own_modls'"):
        known_layers("own_modls:small", registry)


def test_the_seed_decides_the_weights(registry):
    def kernel(seed):
        student = make_student("mlp:4", inputs=3, outputs=1, registry=registry, seed=seed)
        return student.weights["hidden1/kernel"].numpy()

    np.testing.assert_array_equal(kernel(1), kernel(1))
    assert (kernel(1) != kernel(2)).any()


def test_a_saved_model_is_loaded(registry, tmp_path):
    path = tmp_path / "student.keras"
    model = functional()
    model.save(path)
    student = make_student(str(path), inputs=3, outputs=1, registry=registry)
    np.testing.assert_allclose(student.forward_model(INPUTS), model(INPUTS), rtol=1e-6)


def test_a_factory_is_called(registry):
    name = "tests.student.factories:small"
    student = make_student(name, inputs=3, outputs=2, registry=registry)
    assert student.forward_model(INPUTS).shape == (5, 2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mpl:10", "Did you mean 'mlp'"),
        ("mlp:10,actvation=relu", "Did you mean 'activation'"),
        ("mlp:10,=relu", "cannot be read"),
        ("nowhere.keras", "no file"),
        ("nowhere_at_all.module:factory", "no module"),
    ],
)
def test_what_is_no_model(registry, text, words):
    with pytest.raises(UsageError, match=words):
        make_student(text, inputs=3, outputs=1, registry=registry)


def test_a_model_that_does_not_fit_the_data(registry):
    with pytest.raises(UsageError, match="takes 3 features, but the data have 4"):
        make_student(functional(), inputs=4, outputs=1, registry=registry)
    with pytest.raises(UsageError, match="returns 1 values, but these data need 3"):
        make_student(functional(), inputs=3, outputs=3, registry=registry)


def test_a_model_without_weights_or_with_two_outputs():
    with pytest.raises(UsageError, match="no weights yet"):
        wrap_model(keras.Sequential([keras.layers.Dense(1)]))
    source = keras.Input((3,))
    outputs = [keras.layers.Dense(1)(source), keras.layers.Dense(1)(source)]
    with pytest.raises(UsageError, match="2 outputs"):
        wrap_model(keras.Model(source, outputs))
