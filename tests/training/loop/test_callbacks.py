"""Keras' callbacks see what they would see in Keras' own `fit`."""

from __future__ import annotations

import csv

import keras
import numpy as np
import pytest

from tests.training.engine_builders import assert_same_weights, columns, engine_of, mlp
from tfloss.training.loop.array_source import ArraySource
from tfloss.training.loop.callbacks import Callbacks
from tfloss.training.loop.shuffling import BatchOrder
from tfloss.training.loop.train_loop import train

RATE, EPOCHS = 0.5, 12


def ours(registry, callbacks, epochs=EPOCHS, rate=RATE):
    """The model and the history after training with tfloss on `bce`, rows in their order."""
    model = mlp()
    optimizer = keras.optimizers.SGD(rate)
    engine = engine_of(
        registry,
        model,
        optimizer=optimizer,
        holdout=columns(9, seed=8),
        formula="bce",
        compile="graph",
    )
    order = BatchOrder(engine.rows, 5, batches="sequential")
    history = train(
        ArraySource(engine, order), epochs, callbacks=Callbacks(callbacks, model, optimizer)
    )
    return model, history


def theirs(callbacks, epochs=EPOCHS, rate=RATE):
    """The same with `fit`."""
    model = mlp()
    model.compile(keras.optimizers.SGD(rate), keras.losses.BinaryCrossentropy(from_logits=True))
    data, holdout = columns(), columns(9, seed=8)
    history = model.fit(
        data.values["inputs"],
        data.values["labels"],
        batch_size=5,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        validation_data=(holdout.values["inputs"], holdout.values["labels"]),
        callbacks=callbacks,
    )
    return model, history.history


def test_early_stopping_stops_at_the_same_epoch_with_the_same_weights(registry):
    def stopping():
        return keras.callbacks.EarlyStopping(
            "val_loss", patience=1, min_delta=0.03, restore_best_weights=True
        )

    model, history = ours(registry, [stopping()], epochs=60)
    other, logs = theirs([stopping()], epochs=60)
    assert 1 < len(history) == len(logs["loss"]) < 60
    assert_same_weights(model, other, atol=1e-5)


def test_a_lower_learning_rate_is_used_from_the_next_epoch_on(registry):
    def reducing():
        return keras.callbacks.ReduceLROnPlateau("loss", 0.1, patience=1, min_delta=0.05)

    model, history = ours(registry, [reducing()])
    other, logs = theirs([reducing()])
    assert min(logs["learning_rate"]) < RATE
    assert_same_weights(model, other, atol=1e-5)
    np.testing.assert_allclose(history.column("total"), logs["loss"], rtol=1e-4)


@pytest.mark.parametrize("kind", ["LearningRateScheduler", "ModelCheckpoint"])
def test_others_do_their_work(registry, tmp_path, kind):
    if kind == "LearningRateScheduler":
        callback = lambda: keras.callbacks.LearningRateScheduler(lambda epoch: RATE / (1 + epoch))  # noqa: E731
    else:
        callback = lambda: keras.callbacks.ModelCheckpoint(  # noqa: E731
            str(tmp_path / "best.keras"), monitor="val_loss", save_best_only=True
        )
    model, _ = ours(registry, [callback()])
    other, _ = theirs([callback()])
    assert_same_weights(model, other, atol=1e-5)
    assert kind != "ModelCheckpoint" or (tmp_path / "best.keras").is_file()


def test_the_csv_log_has_every_epoch_and_term(registry, tmp_path):
    path = tmp_path / "log.csv"
    _, history = ours(registry, [keras.callbacks.CSVLogger(str(path))], epochs=3)
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [0, 1, 2]
    assert set(rows[0]) >= {"loss", "bce", "val_loss", "val_bce"}
    for name, split in (("loss", "train"), ("val_loss", "holdout")):
        logged = [float(row[name]) for row in rows]
        np.testing.assert_allclose(logged, history.column("total", split))


class Recorder(keras.callbacks.Callback):
    """Writes down which events came in which order."""

    def __init__(self):
        super().__init__()
        self.events = []

    def on_train_begin(self, logs=None):
        self.events.append("train begins")

    def on_train_end(self, logs=None):
        self.events.append("train ends")

    def on_epoch_begin(self, epoch, logs=None):
        self.events.append(f"epoch {epoch} begins")

    def on_epoch_end(self, epoch, logs=None):
        self.events.append(f"epoch {epoch} ends")

    def on_train_batch_begin(self, batch, logs=None):
        self.events.append(f"batch {batch} begins")

    def on_train_batch_end(self, batch, logs=None):
        self.events.append((f"batch {batch} ends", self.model.get_weights()[0]))


def test_a_callback_sees_every_batch_as_in_keras(registry):
    one, other = Recorder(), Recorder()
    ours(registry, [one], epochs=2)
    theirs([other], epochs=2)
    assert len(one.events) == len(other.events)
    for mine, keras_event in zip(one.events, other.events, strict=True):
        if isinstance(mine, str):
            assert mine == keras_event
        else:
            assert mine[0] == keras_event[0]
            np.testing.assert_allclose(mine[1], keras_event[1], atol=1e-5)


def test_a_look_at_every_batch_changes_nothing(registry):
    watched, _ = ours(registry, [Recorder()])
    plain, _ = ours(registry, [])
    assert_same_weights(watched, plain)


def test_only_overridden_methods_count_as_a_look_at_batches():
    model, optimizer = mlp(), keras.optimizers.SGD()
    assert not Callbacks((), model, optimizer).see_epochs
    by_epoch = Callbacks([keras.callbacks.CSVLogger("unused.csv")], model, optimizer)
    assert by_epoch.see_epochs
    assert not by_epoch.see_batches
    assert Callbacks([Recorder()], model, optimizer).see_batches
    with pytest.raises(AttributeError):
        _ = by_epoch.unknown
