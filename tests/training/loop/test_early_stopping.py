"""Early stopping: by rows that do not train, with the best epoch's weights."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest

import tfloss
from tfloss.data import augment
from tfloss.data.validation import validation_split
from tfloss.errors import DataError, UsageError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4)).astype(np.float32)
# Labels that the features say little about, so that a network soon learns them by heart.
Y = (X[:, 0] + 3 * RNG.normal(size=120) > 0).astype(np.int64)
DATA = tfloss.load_data((X, Y), train_size=100, scale="none")
OPTIONS = {
    "epochs": 60,
    "compile": "eager",
    "batch_size": 35,
    "optimizer": "adam:learning_rate=0.05",
}
STOP = {"early_stopping": True, "validation_fraction": 0.3, "n_iter_no_change": 5}


def network():
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(16, "tanh"), keras.layers.Dense(1)]
    return keras.Sequential([keras.Input((4,)), *layers])


def cross_entropy(model, rows):
    """By Keras, of rows of the training part."""
    logits = model(DATA.train.inputs[rows])
    labels = DATA.train.labels[rows]
    return float(keras.losses.BinaryCrossentropy(from_logits=True)(labels, logits))


@pytest.fixture(scope="module")
def stopped():
    return tfloss.fit("bce", DATA, network(), **OPTIONS, **STOP)


def test_it_stops_and_keeps_the_weights_of_the_best_epoch(stopped):
    history = stopped.history
    trains, validates = validation_split(DATA, 0.3, 0)
    assert len(trains) == 70
    assert len(validates) == 30
    assert len(history) < 60
    best = history.best_epoch
    assert best == int(np.argmin(history.validation)) + 1
    assert len(history) == best + 5
    own = cross_entropy(stopped.student.model, validates)
    np.testing.assert_allclose(own, min(history.validation), rtol=1e-5)
    assert history.as_summary()["epoch"] == best
    assert f"kept are the weights of epoch {best}" in stopped.events[0]


def test_it_is_what_keras_does_with_the_same_rows(stopped):
    """The weights are those of as many epochs on the rows that train alone."""
    trains, _ = validation_split(DATA, 0.3, 0)
    part = replace(DATA, train=DATA.train.at(trains))
    best = stopped.history.best_epoch
    alone = tfloss.fit("bce", part, network(), **{**OPTIONS, "epochs": best})
    for own, other in zip(
        stopped.student.model.get_weights(), alone.student.model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(own, other, rtol=1e-4, atol=1e-6)


def test_a_training_that_went_all_the_way_keeps_its_best_epoch_too():
    result = tfloss.fit("bce", DATA, network(), **OPTIONS, **{**STOP, "n_iter_no_change": 60})
    assert len(result.history) == 60
    assert result.history.best_epoch < 60
    assert "Not stopped before epoch 60" in result.events[0]


def test_a_resumed_training_stops_at_the_same_epoch(stopped, tmp_path):
    class Quit(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 3:
                raise KeyboardInterrupt

    options = {**OPTIONS, **STOP, "checkpoint": tmp_path, "checkpoint_every": "1epochs"}
    with pytest.raises(KeyboardInterrupt):
        tfloss.fit("bce", DATA, network(), callbacks=[Quit()], **options)
    again = {**options, "early_stopping": False}
    with pytest.raises(UsageError, match="early_stopping: true in the checkpoint, false now"):
        tfloss.fit("bce", DATA, network(), callbacks=[Quit()], resume=True, **again)
    Quit.on_epoch_end = lambda self, epoch, logs=None: None
    result = tfloss.fit("bce", DATA, network(), callbacks=[Quit()], resume=True, **options)
    assert result.history.best_epoch == stopped.history.best_epoch
    assert len(result.history.validation) == len(result.history) == len(stopped.history)


def test_rows_that_stand_several_times_are_on_one_side():
    drawn = tfloss.load_data((X, Y), bootstrap=True)
    trains, validates = validation_split(drawn, 0.2, 0)
    assert not set(drawn.train.rows[trains]) & set(drawn.train.rows[validates])
    more = augment(DATA, times=1.0, seed=0)
    trains, validates = validation_split(more, 0.2, 0)
    assert more.train.labelled[validates].all()
    assert not set(more.train.rows[trains]) & set(more.train.rows[validates])
    assert len(trains) + len(validates) < len(more.train)


def test_too_few_rows_are_a_sentence():
    few = tfloss.load_data((X, Y), train_size=2)
    with pytest.raises(DataError, match=r"2 labelled training rows .*validation_fraction=0\.5"):
        tfloss.fit("bce", few, early_stopping=True, validation_fraction=0.5, epochs=1)
    with pytest.raises(UsageError, match="must lie between 0 and 1"):
        tfloss.fit("bce", few, early_stopping=True, validation_fraction=1.5)


def test_epochs_done_before_are_counted():
    """Schedules and the order of the rows go on where they were."""
    formula = "linear(1, 0, epochs=4)*bce"
    model = network()
    keras_optimizer = keras.optimizers.SGD(0.1)
    tfloss.fit(formula, DATA, model, epochs=2, optimizer=keras_optimizer, compile="eager")
    tfloss.fit(
        formula, DATA, model, epochs=4, initial_epoch=2, optimizer=keras_optimizer, compile="eager"
    )
    whole = network()
    tfloss.fit(formula, DATA, whole, epochs=4, optimizer="sgd:learning_rate=0.1", compile="eager")
    for own, other in zip(model.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-5, atol=1e-7)
