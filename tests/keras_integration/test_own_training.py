"""What a user's model does itself: counted where it can be, else refused in a sentence."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import tfloss
from tests.keras_integration.models import data, functional
from tfloss.errors import UsageError

X, Y = data()


def with_own(**methods):
    kind = type("Own", (keras.Model,), methods)
    source = keras.Input((3,))
    return kind(source, keras.layers.Dense(1)(source), name="mine")


@pytest.mark.parametrize("name", ["train_step", "compute_loss", "compute_metrics", "fit"])
def test_its_own_training_is_refused(name):
    model = with_own(**{name: lambda self, *args, **options: None})
    with pytest.raises(UsageError, match=f"'mine' .Own. has a {name} of its own"):
        tfloss.attach(model, "bce")
    tfloss.attach(with_own(call=keras.Model.call, helper=lambda self: 1), "bce")


def test_a_model_that_prepares_its_data_is_refused_while_it_does():
    """As KerasHub's tasks do; Keras' fit would see texts, the formula nothing that was prepared."""
    model = with_own(
        fit=lambda self, *args: None,
        preprocess_samples=lambda self, x, y=None, sample_weight=None: (x, y),
    )
    model.preprocessor = lambda x: x
    with pytest.raises(UsageError, match=r"set model\.preprocessor = None, and train on"):
        tfloss.attach(model, "bce")
    model.preprocessor = None
    tfloss.attach(model, "bce")


class Counting(keras.layers.Layer):
    """Updates a metric of its own in its call."""

    def __init__(self, **options):
        super().__init__(**options)
        self.size = keras.metrics.Mean(name="size")

    def call(self, inputs):
        self.size.update_state(keras.ops.mean(inputs))
        return inputs


class Measured(keras.Model):
    def __init__(self):
        super().__init__()
        self.counting = Counting()
        self.out = keras.layers.Dense(1)
        self.spread = keras.metrics.Mean(name="spread")

    def call(self, inputs):
        self.spread.update_state(keras.ops.std(inputs))
        return self.out(self.counting(inputs))


@pytest.mark.parametrize("engine", [False, True])
def test_metrics_of_its_own_are_reset_and_logged_as_in_keras(engine):
    plain, ours = Measured(), tfloss.attach(Measured(), "mse", task="regression")
    plain.compile("sgd", "mse", jit_compile=False)
    ours.compile("sgd", jit_compile=False)
    options = {"epochs": 2, "shuffle": False, "batch_size": 7}
    expected = plain.fit(X, X[:, :1], verbose=0, **options).history
    if engine:
        found = tfloss.fit_model(ours, (X, X[:, :1]), compile="graph", **options).history
    else:
        found = ours.fit(X, X[:, :1], verbose=0, **options).history
    for name in ("size", "spread"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, err_msg=name)


def test_a_network_set_as_teacher_learns_nothing(tmp_path):
    model = tfloss.attach(functional(), "kl", teacher=functional())
    model.compile("sgd", run_eagerly=True)
    count = len(model.trainable_variables)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    teacher = functional()
    before = teacher.get_weights()
    again.teachers = teacher
    assert len(again.trainable_variables) == len(again.model.trainable_variables) == count
    again.fit(X, Y, verbose=0)
    for one, other in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
