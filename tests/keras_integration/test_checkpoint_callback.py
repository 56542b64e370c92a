"""Keras' fit of an attached model, interrupted and resumed: ours to the same bytes, Keras' own."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import tfloss
from tests.keras_integration.models import Subclassed, data, functional
from tests.keras_integration.test_loss_variables import projected
from tfloss.errors import UsageError

X, Y = data()
EPOCHS = 6


def network():
    keras.utils.set_random_seed(0)
    source = keras.Input((3,), name="rows")
    hidden = keras.layers.Dense(4, "tanh", name="hidden")(keras.layers.BatchNormalization()(source))
    return keras.Model(source, keras.layers.Dense(1, "sigmoid")(keras.layers.Dropout(0.3)(hidden)))


def attached(formula="bce + projected(hidden, labels)", make=network):
    model = tfloss.attach(make(), formula, losses=[projected])
    model.compile(keras.optimizers.Adam(0.02), metrics=["accuracy"])
    return model


class Cut(Exception):  # noqa: N818
    """The power is gone."""


class Power(keras.callbacks.Callback):
    """Fails at the end of an epoch, before anything of it is saved."""

    def __init__(self, at):
        super().__init__()
        self.at = (at,)  # no state that a checkpoint keeps

    def on_epoch_end(self, epoch, logs=None):
        if epoch in self.at:
            raise Cut


def watching():
    return [
        keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=0, min_delta=0.05),
        keras.callbacks.EarlyStopping("val_loss", patience=9, restore_best_weights=True),
    ]


def fit(model, *more, epochs=EPOCHS):
    options = {"validation_split": 0.25, "batch_size": 6, "shuffle": False, "verbose": 0}
    return model.fit(X, Y, epochs=epochs, callbacks=[*watching(), *more], **options)


def state(model):
    return [np.asarray(v) for v in (*model.variables, *model.optimizer.variables)]


def equal(one, other):
    for first, second in zip(state(one), state(other), strict=True):
        np.testing.assert_array_equal(first, second)


def interrupted(folder, at=3):
    model = attached()
    with pytest.raises(Cut):
        fit(model, Power(at), tfloss.Checkpoint(folder, every="1epoch"))


def test_it_is_resumed_to_the_same_bytes(tmp_path):
    whole, resumed = attached(), attached()
    expected = fit(whole, Power(99)).history
    interrupted(tmp_path)
    assert sorted(p.name for p in tmp_path.glob("*.npz")) == [
        "epoch-000000002.npz", "epoch-000000003.npz",
    ]  # fmt: skip
    history = fit(resumed, Power(99), tfloss.Checkpoint(tmp_path, every="1epoch"))
    equal(whole, resumed)
    assert history.epoch == list(range(EPOCHS))
    assert history.history == expected


def test_a_training_that_has_ended_is_only_put_back(tmp_path):
    whole, again = attached(), attached()
    first = fit(whole, tfloss.Checkpoint(tmp_path)).history
    assert fit(again, tfloss.Checkpoint(tmp_path)).history == first
    equal(whole, again)
    fit(again, tfloss.Checkpoint(tmp_path), epochs=EPOCHS + 1)  # goes on where it was
    assert len(again.history.epoch) == EPOCHS + 1


def test_a_damaged_file_is_passed_over(tmp_path):
    interrupted(tmp_path)
    (tmp_path / "epoch-000000003.npz").write_bytes(b"")
    whole, resumed = attached(), attached()
    fit(whole, Power(99))
    with pytest.warns(UserWarning, match="The checkpoint before it is taken"):
        fit(resumed, Power(99), tfloss.Checkpoint(tmp_path, every="1epoch"))
    equal(whole, resumed)


def test_another_training_is_refused(tmp_path):
    fit(attached(), tfloss.Checkpoint(tmp_path), epochs=1)
    other = attached("bce + 2*projected(hidden, labels)")
    with pytest.raises(UsageError, match="are of another training"):
        fit(other, tfloss.Checkpoint(tmp_path), epochs=1)


def test_what_else_is_refused(tmp_path):
    with pytest.raises(UsageError, match="at the end of an epoch, not every '100steps'"):
        tfloss.Checkpoint(tmp_path, every="100steps")
    plain = functional()
    plain.compile("sgd", "binary_crossentropy")
    with pytest.raises(UsageError, match="BackupAndRestore"):
        plain.fit(X, Y, verbose=0, callbacks=tfloss.Checkpoint(tmp_path))
    unbuilt = tfloss.attach(Subclassed(), "bce")
    unbuilt.compile("sgd")
    with pytest.raises(UsageError, match="has no weights yet"):
        unbuilt.fit(X, Y, verbose=0, callbacks=tfloss.Checkpoint(tmp_path))


def test_kerass_own_backup(tmp_path):
    whole, model = attached(), attached()
    fit(whole)
    for each in (attached(), model):
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
        if each is model:
            fit(each, backup)
        else:
            with pytest.raises(Cut):
                fit(each, backup, Power(3))
    assert whole.optimizer.iterations == model.optimizer.iterations
    for path, values in whole.objective.values().items():
        assert values.shape == model.objective.values()[path].shape


def test_kerass_own_checkpoint_of_the_best(tmp_path):
    model = attached()
    best = keras.callbacks.ModelCheckpoint(
        tmp_path / "best.keras", monitor="val_bce", save_best_only=True
    )
    history = fit(model, best).history
    loaded = keras.models.load_model(
        tmp_path / "best.keras", custom_objects={"projected": projected}
    )
    logs = loaded.evaluate(X[18:], Y[18:], verbose=0, return_dict=True)
    assert logs["bce"] == pytest.approx(min(history["val_bce"]), rel=1e-5)
