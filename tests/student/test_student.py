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


def test_the_articles_initialisation_is_standard_normal(registry):
    student = make_student("mlp:200,init=article", inputs=100, outputs=1, registry=registry)
    kernel = student.weights["hidden1/kernel"].numpy()
    assert abs(kernel.mean()) < 0.05
    assert abs(kernel.std() - 1) < 0.05


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
