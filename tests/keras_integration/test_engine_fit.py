"""Callbacks, checkpoints and resuming of `tfloss.fit_model`: what Keras' `fit` does, and more."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import tfloss
from tests.keras_integration.models import data
from tests.reliability.builders import StoppedAt
from tfloss.errors import Interrupted, UsageError

X, Y = data()
FITTING = {"epochs": 4, "batch_size": 7, "validation_split": 0.25}


def attached(metrics=()):
    """The same weights, and the same draws to come, each time."""
    keras.utils.set_random_seed(7)
    hidden = [keras.layers.Dense(8, "relu"), keras.layers.Dropout(0.5)]
    model = keras.Sequential([keras.Input((X.shape[1],)), *hidden, keras.layers.Dense(1)])
    model = tfloss.attach(model, "bce + 1e-2*l2('*/kernel')")
    model.compile(keras.optimizers.Adam(0.01), metrics=list(metrics))
    keras.utils.set_random_seed(8)
    return model


def by_keras(model, callbacks):
    return model.fit(X, Y, verbose=0, callbacks=callbacks, **FITTING)


def by_the_engine(model, callbacks):
    return tfloss.fit_model(model, (X, Y), callbacks=callbacks, **FITTING)


class Recorder(keras.callbacks.Callback):
    """Every event of the training with its logs, and the end of it at a batch."""

    def __init__(self, stop_at=None):
        super().__init__()
        self.events = []
        self.stop_at = stop_at

    def on_train_begin(self, logs=None):
        self.events.append(("train begins", {}))

    def on_epoch_begin(self, epoch, logs=None):
        self.events.append((f"epoch {epoch} begins", {}))

    def on_epoch_end(self, epoch, logs=None):
        self.events.append((f"epoch {epoch} ends", dict(logs)))

    def on_train_batch_end(self, batch, logs=None):
        self.events.append((f"batch {batch}", dict(logs)))
        if self.stop_at == len(self.events):
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        self.events.append(("train ends", {}))


@pytest.mark.parametrize("metrics", [[], ["accuracy"]])
def test_a_batch_that_ends_the_training_ends_it_there(metrics):
    seen, weights = [], []
    for fit in (by_keras, by_the_engine):
        model, recorder = attached(metrics), Recorder(12)
        fit(model, [recorder])
        seen.append(recorder.events)
        weights.append(model.get_weights())
    assert [name for name, _ in seen[1]] == [name for name, _ in seen[0]]
    for (name, expected), (_, logs) in zip(*seen, strict=True):
        assert set(logs) == set(expected), name
        for key, value in expected.items():
            np.testing.assert_allclose(logs[key], value, rtol=1e-5, atol=1e-6, err_msg=name)
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_finished_epochs_are_not_repeated_after_a_backup(tmp_path):
    class Killed(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 2:
                raise InterruptedError

    backup = lambda: keras.callbacks.BackupAndRestore(tmp_path / "backup")  # noqa: E731
    with pytest.raises(InterruptedError):
        by_the_engine(attached(), [backup(), Killed()])
    model = attached()
    history = by_the_engine(model, [backup()])
    steps = -(-round(len(X) * 0.75) // FITTING["batch_size"])
    assert int(model.optimizer.iterations) == FITTING["epochs"] * steps
    assert history.epoch[-1] == FITTING["epochs"] - 1


@pytest.mark.parametrize("stop", [5, 8])
@pytest.mark.parametrize("watched", [False, True])
def test_resumed_to_the_same_bytes(tmp_path, stop, watched):
    def train(checkpoint, **options):
        model = attached(["accuracy"])
        callbacks = [keras.callbacks.ReduceLROnPlateau("val_loss", patience=1)]
        history = tfloss.fit_model(
            model,
            (X, Y),
            checkpoint=checkpoint,
            callbacks=[*callbacks, Recorder()] if watched else callbacks,
            **FITTING,
            **options,
        )
        return model, history.history

    whole, expected = train(None)
    with StoppedAt(stop, tmp_path / "kept") as kept, pytest.raises(Interrupted):
        train(kept)
    assert kept.stopped_at >= stop
    resumed, history = train(tmp_path / "kept", resume=True)
    assert history == expected
    for one, other in zip(resumed.variables, whole.variables, strict=True):
        assert one.numpy().tobytes() == other.numpy().tobytes()
    with pytest.raises(UsageError, match="another training"):
        train(tmp_path / "kept", resume=True, on_nan="skip")
