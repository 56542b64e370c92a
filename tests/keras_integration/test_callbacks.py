"""Callbacks do in `fit_model` what they do in Keras' `fit`: all of Keras', and every hook."""

from __future__ import annotations

import csv
import json

import keras
import numpy as np
import pytest

import tfloss
from tests.keras_integration.models import data
from tfloss.errors import UsageError
from tfloss.keras_integration.callbacks import listed_callbacks

X, Y = data()
FITTING = {"epochs": 3, "batch_size": 7, "validation_split": 0.25}
HOOKS = sorted(name for name in dir(keras.callbacks.Callback) if name.startswith("on_"))


def attached(metrics=("accuracy",), optimizer=None):
    """The same weights, and the same draws to come, each time."""
    keras.utils.set_random_seed(7)
    hidden = [keras.layers.Dense(4, "relu"), keras.layers.Dropout(0.5)]
    model = keras.Sequential([keras.Input((X.shape[1],)), *hidden, keras.layers.Dense(1)])
    model = tfloss.attach(model, "bce + 1e-2*l2('*/kernel')")
    optimizer = optimizer or keras.optimizers.SGD(0.1)
    model.compile(optimizer, metrics=list(metrics), jit_compile=False)
    keras.utils.set_random_seed(8)
    return model


def by_keras(model, callbacks, **options):
    return model.fit(X, Y, verbose=0, callbacks=callbacks, **{**FITTING, **options})


def by_the_engine(model, callbacks, **options):
    options = {**FITTING, **options, "compile": "graph"}
    return tfloss.fit_model(model, (X, Y), callbacks=callbacks, **options)


LOOPS = (by_keras, by_the_engine)


def close(found, expected, message=""):
    """Structures of numbers and texts alike, names in the same order."""
    if isinstance(expected, dict):
        assert list(found) == list(expected), message
        for name in expected:
            close(found[name], expected[name], f"{message} {name}")
    elif isinstance(expected, (list, tuple)):
        assert len(found) == len(expected), message
        for one, other in zip(found, expected, strict=True):
            close(one, other, message)
    elif isinstance(expected, (float, np.ndarray)):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6, err_msg=message)
    else:
        assert found == expected, message


class Recorder(keras.callbacks.Callback):
    """Every hook that is called, with its number and logs; asks for the end at one of them."""

    def __init__(self, hooks=HOOKS, stop_at=None):
        super().__init__()
        self.events, self.stop_at = [], stop_at
        for hook in hooks:
            setattr(self, hook, self._recording(hook))

    def _recording(self, hook):
        def record(number=None, logs=None):
            told = number if isinstance(number, dict) else logs
            place = None if isinstance(number, dict) else number
            self.events.append((hook, place, {} if told is None else dict(told)))
            if hook == self.stop_at:
                self.model.stop_training = True

        return record


@pytest.mark.parametrize(
    ("metrics", "validated"), [((), 0.0), (("accuracy",), 0.25)], ids=["least", "most"]
)
def test_every_hook_is_called_alike(metrics, validated):
    seen = []
    for fit in LOOPS:
        recorder = Recorder()
        fit(attached(metrics), [recorder], validation_split=validated)
        seen.append(recorder.events)
    assert {name for name, *_ in seen[0]} >= {"on_train_batch_end", "on_epoch_end", "on_train_end"}
    close(seen[1], seen[0])


@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_test_begin"])
def test_the_end_is_asked_for_before_a_batch(hook):
    """Keras looks after every batch: whoever asks before the first one gets one."""
    ends = []
    for fit in LOOPS:
        recorder = Recorder([*dict.fromkeys(["on_epoch_end", "on_train_end", hook])], stop_at=hook)
        model = attached(())
        history = fit(model, [recorder])
        ends.append([recorder.events, history.history, int(model.optimizer.iterations)])
    close(ends[1], ends[0])


# -- every callback that Keras has ----------------------------------------------------------------


def files(folder):
    """What a callback has written: names, and what can be compared of the contents."""
    found = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = str(path.relative_to(folder))
        if name.endswith(".csv"):
            rows = list(csv.DictReader(path.open()))
            found[name] = [{k: float(v) for k, v in row.items()} for row in rows]
        elif name.endswith(".keras"):
            found[name] = [np.asarray(w) for w in keras.models.load_model(path).get_weights()]
        elif name.endswith(".json"):
            found[name] = json.loads(path.read_text())
        elif "tfevents" not in name:
            found[name] = True
    return found


def saver(folder, **options):
    return keras.callbacks.ModelCheckpoint(folder / "{epoch}.keras", **options)


def of_epochs(folder):
    """Those that look at epochs and evaluations."""
    return [
        keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
        keras.callbacks.BackupAndRestore(folder / "backup", delete_checkpoint=False),
        keras.callbacks.CSVLogger(folder / "log.csv"),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
        keras.callbacks.ReduceLROnPlateau("val_loss", patience=1, min_delta=1),
        saver(folder, monitor="val_accuracy", save_best_only=True),
        keras.callbacks.TensorBoard(folder / "board", write_graph=False),
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(seen=1.0)),
        keras.callbacks.EarlyStopping(
            "val_bce", patience=1, min_delta=0.5, restore_best_weights=True
        ),
    ]


def of_batches(folder):
    """Those that look at every batch, or were told to."""
    return [
        keras.callbacks.History(),
        keras.callbacks.ProgbarLogger(),
        keras.callbacks.SwapEMAWeights(),
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.BackupAndRestore(folder / "backup", save_freq=2, delete_checkpoint=False),
        saver(folder, save_freq=4),
        keras.callbacks.TensorBoard(folder / "board", update_freq=2, write_graph=False),
    ]


# What a machine without a network, or without the package, cannot run.
ELSEWHERE = {"RemoteMonitor", "OrbaxCheckpoint"}
BASES = {"Callback", "CallbackList", "MonitorCallback"}


def test_no_callback_of_keras_is_left_out(tmp_path):
    there = {
        name
        for name, thing in vars(keras.callbacks).items()
        if isinstance(thing, type) and issubclass(thing, keras.callbacks.Callback)
    }
    made = [*of_epochs(tmp_path), *of_batches(tmp_path)]
    assert there - ELSEWHERE - BASES == {type(callback).__name__ for callback in made}


@pytest.mark.parametrize("make", [of_epochs, of_batches])
def test_every_callback_of_keras_does_the_same(tmp_path, make):
    ends = []
    for fit in LOOPS:
        folder = tmp_path / fit.__name__
        folder.mkdir()
        model = attached(optimizer=keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9))
        history = fit(model, make(folder))
        rate = float(model.optimizer.learning_rate)
        weights = [np.asarray(weight) for weight in model.get_weights()]
        ends.append([history.history, history.epoch, rate, weights, files(folder)])
    assert len(ends[0][-1]) > 2
    close(ends[1], ends[0])


# -- how they are handed over ---------------------------------------------------------------------


def test_a_list_of_lists_and_a_callback_list_of_keras_are_taken():
    one, other = Recorder(["on_epoch_end"]), Recorder(["on_epoch_end"])
    given = keras.callbacks.CallbackList([[one], other])
    by_the_engine(attached(()), [given.callbacks], epochs=1)
    assert one.events == other.events != []
    assert listed_callbacks(given) == listed_callbacks([[one], (other, None)]) == [one, other]


def test_a_callback_finds_the_history_and_can_evaluate():
    class Looks(keras.callbacks.Callback):
        seen: list

        def on_epoch_begin(self, epoch, logs=None):
            self.seen.append(len(self.model.history.history.get("loss", ())))

        def on_epoch_end(self, epoch, logs=None):
            self.seen.append(self.model.evaluate(X, Y, verbose=0, return_dict=True))

    ends = []
    for fit in LOOPS:
        callback = Looks()
        callback.seen = []
        history = fit(attached(), [callback])
        ends.append([history.history, callback.seen])
    close(ends[1], ends[0])


def test_our_checkpoint_is_an_option_here(tmp_path):
    with pytest.raises(UsageError, match=r"fit_model\(…, checkpoint="):
        by_the_engine(attached(()), [tfloss.Checkpoint(tmp_path)])
