"""Learned settings, frozen networks and the averaged student at every door."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import tfloss
from tfloss.sklearn import DistilledRegressor

FORMULA = (
    "mse + 0.1*mse(vgg(prediction).block, vgg(labels).block)"
    " + 0.5*mse(prediction, ema(decay=0.9).prediction)"
    " + 0.01*info_nce(hidden, hidden, temperature=learned(0.2))"
)
TEMPERATURE = "temperature(info_nce(hidden, hidden, temperature=learned(0.2)))"
X = np.random.default_rng(0).normal(size=(48, 3)).astype(np.float32)
Y = X @ np.array([[1.0], [-2.0], [0.5]], np.float32)


@pytest.fixture(scope="module")
def vgg():
    keras.utils.set_random_seed(1)
    block = keras.layers.Dense(4, "tanh", name="block")
    return keras.Sequential([keras.Input((1,)), block, keras.layers.BatchNormalization()])


def network():
    keras.utils.set_random_seed(0)
    hidden = keras.layers.Dense(5, "tanh", name="hidden")
    return keras.Sequential([keras.Input((3,)), hidden, keras.layers.Dense(1, name="out")])


def data():
    return tfloss.load_data((X, Y[:, 0].astype(float)), task="regression", test_size=12)


def trained(vgg, epochs=4, **more):
    options = {"optimizer": "adam:learning_rate=0.05", "batch_size": 9, "compile": "graph"}
    return tfloss.fit(
        FORMULA, data(), network(), networks={"vgg": vgg}, epochs=epochs, **options, **more
    )


@pytest.fixture(scope="module")
def whole(vgg):
    before = vgg.get_weights()
    result = trained(vgg)
    for old, now in zip(before, vgg.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)
    return result


def test_all_of_it_is_trained_logged_and_resumed_to_the_same_bytes(whole, vgg, tmp_path):
    logged = [epoch.train[TEMPERATURE] for epoch in whole.history]
    assert logged[0] == pytest.approx(0.2, rel=0.2)
    assert len(set(logged)) == 4
    trained(vgg, checkpoint=tmp_path, checkpoint_every="1epochs")
    *_, last = sorted(tmp_path.glob("*.npz"))
    last.unlink()
    again = trained(vgg, checkpoint=tmp_path, resume=True)
    for one, other in zip(
        whole.student.model.get_weights(), again.student.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    values = again.objective.values()
    for path, value in whole.objective.values().items():
        np.testing.assert_array_equal(values[path], value)
    other = keras.models.clone_model(vgg)
    with pytest.raises(tfloss.UsageError, match=r"networks\.vgg"):
        trained(other, checkpoint=tmp_path, resume=True)


def test_attached_it_trains_saves_and_loads(vgg, tmp_path):
    model = tfloss.attach(network(), FORMULA, networks={"vgg": vgg})
    model.compile(keras.optimizers.Adam(0.05))
    history = model.fit(X, Y, batch_size=12, epochs=2, verbose=0).history
    assert history[TEMPERATURE][1] != history[TEMPERATURE][0] == pytest.approx(0.2, rel=0.2)
    fast = tfloss.attach(network(), FORMULA, networks={"vgg": vgg})
    fast.compile(keras.optimizers.Adam(0.05))
    options = {"batch_size": 12, "epochs": 1, "shuffle": False, "compile": "eager"}
    assert TEMPERATURE in tfloss.fit_model(fast, (X, Y), **options).history
    model.save(tmp_path / "model.keras")
    with pytest.raises(tfloss.UsageError, match="custom_objects"):
        keras.models.load_model(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", custom_objects={"vgg": vgg})
    theirs, ours = (m.evaluate(X, Y, verbose=0, return_dict=True) for m in (model, loaded))
    assert ours == pytest.approx(theirs, rel=1e-5)


def test_replicates_are_trained_together(vgg):
    formula = FORMULA.replace("hidden", "hidden1")
    result = tfloss.compare(
        [formula],
        (X, Y[:, 0].astype(float)),
        "mlp:4",
        networks={"vgg": vgg},
        seeds=2,
        epochs=1,
        task="regression",
        compile="graph",
    )
    assert {row["formula"] for row in result.rows()} == {formula}
    assert all(np.isfinite(row["r2"]) for row in result.rows())


def test_an_estimator_takes_them(vgg):
    from sklearn.base import clone

    estimator = clone(
        DistilledRegressor(
            formula="mse + 0.1*mse(vgg(prediction).block, vgg(labels).block)",
            networks={"vgg": vgg},
            epochs=1,
            hidden=(4,),
        )
    )
    assert np.isfinite(estimator.fit(X, Y[:, 0]).predict(X)).all()


def test_a_formula_in_a_keras_loss_takes_networks_and_refuses_the_rest(vgg):
    loss = tfloss.Loss("mse(vgg(prediction).block, vgg(labels).block)", networks={"vgg": vgg})
    assert float(loss(Y, 0 * Y)) > 0
    for formula in (
        "mse(prediction, ema.prediction)",
        "huber(delta=0.5) + 0*mse(ema.logits, labels)",
    ):
        with pytest.raises(tfloss.UsageError, match=r"tfloss\.attach"):
            tfloss.Loss(formula)
