"""Optimizers by name are Keras'."""

from __future__ import annotations

import keras
import pytest

from tfloss.errors import UsageError
from tfloss.training.program.optimizers import CLASSES, check_optimizer, make_optimizer


def test_every_optimizer_of_keras_has_its_name():
    kinds = {
        name
        for name, kind in vars(keras.optimizers).items()
        if isinstance(kind, type) and issubclass(kind, keras.optimizers.Optimizer)
    }
    kinds -= {"Optimizer", "LossScaleOptimizer", "MultiOptimizer"}  # the base, and two that wrap
    assert set(CLASSES.values()) == kinds


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_each_can_be_made(name):
    assert type(make_optimizer(name)).__name__ == CLASSES[name]


def test_settings_arrive():
    optimizer = make_optimizer("sgd:learning_rate=0.05,momentum=0.9,nesterov=true")
    assert float(optimizer.learning_rate) == pytest.approx(0.05)
    assert (optimizer.momentum, optimizer.nesterov) == (0.9, True)


def test_one_of_your_own_is_taken_as_it_is():
    own = keras.optimizers.SGD()
    assert make_optimizer(own) is own


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("adma", "Did you mean .* 'adam'"),
        ("sgd:0.1", "without a name"),
        ("sgd:momentum=", "cannot be read"),
        (":momentum=0.9", "has no name"),
        ("sgd:momentum=0.9,momentum=0.8", "given twice"),
    ],
)
def test_what_is_refused_before_keras_is_imported(text, words):
    with pytest.raises(UsageError, match=words):
        check_optimizer(text)


@pytest.mark.parametrize("text", ["sgd:rate=0.1", "sgd:momentum=2.0"])
def test_what_keras_refuses(text):
    with pytest.raises(UsageError, match="Keras refuses"):
        make_optimizer(text)
