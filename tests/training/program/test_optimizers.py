"""Optimizers by name are Keras'."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfloss.errors import UsageError
from tfloss.training.program.optimizers import (
    CLASSES,
    build_optimizer,
    check_optimizer,
    make_optimizer,
    reset_optimizer,
)


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


@pytest.mark.parametrize("text", [*sorted(CLASSES), "sgd:momentum=0.9", "adam:use_ema=true"])
def test_each_begins_again_as_a_new_one_would(text):
    """Also where the weights, from which some of them begin, were all one number."""
    weights = [keras.Variable(np.full(shape, 2.0, np.float32)) for shape in ((3, 2), (2,))]
    optimizer = make_optimizer(text)
    build_optimizer(optimizer, weights)
    for _ in range(2):
        optimizer.apply([np.full(tuple(w.shape), 0.5, np.float32) for w in weights], weights)
    optimizer.learning_rate = 0.7
    reset_optimizer(optimizer, make_optimizer(text), weights)
    fresh = make_optimizer(text)
    fresh.build(weights)
    for ours, theirs in zip(optimizer.variables, fresh.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=ours.path)
