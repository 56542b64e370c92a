"""`tfloss.fit` of a model of one's own: the history of Keras' `fit`, from the compiled engine."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import tfloss
from tests.keras_integration.models import ROWS, Subclassed, data, functional, two_ended
from tfloss.errors import UsageError

X, Y = data()


def alike(history, expected):
    assert list(history.history) == list(expected.history)
    assert history.epoch == expected.epoch
    assert history.params == expected.params
    for name, values in expected.history.items():
        np.testing.assert_allclose(history.history[name], values, rtol=1e-5, atol=1e-6)


def both(make, formula, arrays, *, metrics=None, fitting=None, **attaching):
    """The histories and final weights of Keras' `fit` and of ours, from one seed."""
    found = []
    for fast in (False, True):
        keras.utils.set_random_seed(7)
        model = tfloss.attach(make(), formula, **attaching)
        model.compile(keras.optimizers.Adam(0.01), metrics=metrics() if metrics else None)
        keras.utils.set_random_seed(8)
        options = {"epochs": 3, "batch_size": 7, **(fitting or {})}
        if fast:
            history = tfloss.fit_model(model, arrays, **options)
        else:
            x, y, *weight = arrays
            weight = weight[0] if weight else None
            history = model.fit(x, y, sample_weight=weight, verbose=0, **options)
        found.append((history, model))
    alike(found[1][0], found[0][0])
    for one, other in zip(found[0][1].model.weights, found[1][1].model.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    return found[1]


def dropping():
    source = keras.Input((3,))
    hidden = keras.layers.Dense(8, "relu", activity_regularizer="l2", name="hidden")(source)
    hidden = keras.layers.Dropout(0.5, seed=3)(keras.layers.BatchNormalization()(hidden))
    return keras.Model(source, keras.layers.Dense(1, "sigmoid", name="out")(hidden))


def test_a_functional_model_with_everything():
    weight = np.linspace(0.5, 2, ROWS).astype(np.float32)
    metrics = lambda: ["accuracy", keras.metrics.AUC(name="auc")]  # noqa: E731
    both(
        dropping, "bce + linear(0, 1, epochs=2)*abs_kl + 1e-2*l2(hidden)", (X, Y, weight),
        metrics=metrics, fitting={"validation_split": 0.25},
        teacher=LogisticRegression().fit(X, Y),
    )  # fmt: skip


def test_without_metrics_epochs_go_in_chunks():
    fitting = {"validation_data": (X[:9], Y[:9]), "epochs": 13, "shuffle": False}
    both(functional, "bce", (X, Y), fitting=fitting)


def test_several_inputs_and_outputs():
    x, y = {"left": X, "right": X[:, :2]}, {"kind": Y, "price": X[:, 0]}
    both(two_ended, "bce(kind.labels, kind.logits) + mse(price.labels, price)", (x, y),
         metrics=lambda: {"kind": ["accuracy"]})  # fmt: skip


def test_a_subclassed_model_and_class_weights():
    fitting = {"class_weight": {0: 0.5, 1: 2.0}}
    both(Subclassed, "bce + mse(middle, 0*middle)", (X, Y), fitting=fitting)


def test_a_plain_model_keeps_its_optimizer_and_metrics():
    plain, ours = functional(), functional()
    for model in (plain, ours):
        model.compile(keras.optimizers.SGD(0.1), "binary_crossentropy", metrics=["accuracy"])
    keras.utils.set_random_seed(1)
    expected = plain.fit(X, Y, epochs=3, batch_size=10, validation_split=0.2, verbose=0).history
    keras.utils.set_random_seed(1)
    history = tfloss.fit_model(ours, (X, Y), "bce", epochs=3, batch_size=10, validation_split=0.2)
    for name, values in expected.items():
        np.testing.assert_allclose(history.history[name], values, rtol=1e-5)
    assert ours.optimizer.iterations == plain.optimizer.iterations


@pytest.mark.parametrize("seeded", [True, False])
def test_the_order_of_the_rows_is_that_of_keras(seeded):
    from tfloss.keras_integration.array_dataset import KerasOrder

    if not seeded:
        import tensorflow as tf

        tf.random.set_seed(None)
        orders = KerasOrder(50, 7, shuffle=True).epochs(0, 3)
        assert len({tuple(order) for order in orders}) == 3
        keras.utils.set_random_seed(0)
        return
    seen = []

    class Watching(keras.Model):
        def train_step(self, rows):
            seen.extend(np.ravel(rows).tolist())
            return {"loss": 0.0}

    keras.utils.set_random_seed(3)
    model = Watching()
    model.compile(run_eagerly=True)
    model.fit(np.arange(50), epochs=3, batch_size=7, verbose=0)
    keras.utils.set_random_seed(3)
    assert KerasOrder(50, 7, shuffle=True).epochs(0, 3).ravel().tolist() == seen


def test_callbacks_stop_change_and_save(tmp_path):
    def callbacks():
        return [
            keras.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True),
            keras.callbacks.LearningRateScheduler(lambda epoch: 0.5 / (epoch + 1)),
            keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True),
            keras.callbacks.CSVLogger(tmp_path / "log.csv"),
            keras.callbacks.TensorBoard(tmp_path / "board", write_graph=False),
        ]

    fitting = {"callbacks": callbacks(), "validation_split": 0.5, "epochs": 4}
    history, model = both(functional, "bce", (X, Y), fitting=fitting)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.5 / len(history.epoch))
    assert "learning_rate" in history.history
    assert list((tmp_path / "board").rglob("events*"))
    keras.models.load_model(tmp_path / "best.keras")
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 1 + len(history.epoch)


def test_a_callback_that_sees_batches():
    seen = []
    look = keras.callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: seen.append(b))
    both(functional, "bce", (X, Y), fitting={"callbacks": [look], "epochs": 2})
    assert seen == 2 * [*range(4), *range(4)]  # Keras' and ours


def test_a_callback_that_sees_batches_of_the_evaluation():
    seen = []
    look = keras.callbacks.LambdaCallback()
    look.on_test_begin = lambda logs=None: seen.append("begin")
    look.on_test_batch_end = lambda batch, logs=None: seen.append(batch)
    look.on_test_end = lambda logs=None: seen.append(sorted(logs))
    fitting = {"callbacks": look, "epochs": 1, "validation_split": 0.5}
    both(functional, "bce", (X, Y), fitting=fitting)
    assert seen[: len(seen) // 2] == seen[len(seen) // 2 :] == ["begin", 0, 1, ["bce", "loss"]]


def test_a_line_for_every_epoch(capsys):
    model = tfloss.attach(functional(), "bce")
    tfloss.fit_model(model, (X, Y), epochs=2, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" - ")[0] for line in lines] == ["Epoch 1/2", "Epoch 2/2"]
    assert " - bce: 0." in lines[1]


@pytest.mark.parametrize(
    ("formula", "arrays", "words"),
    [
        ("mse", (X, Y), "is attached to 'bce', not to 'mse'"),
        (None, iter([X]), "of arrays in memory"),
        (None, (X, Y[:5]), "different numbers of rows: x 24, y 5"),
        (None, (X, Y + 5), "go from 5 to 6"),
    ],
)
def test_what_is_refused(formula, arrays, words):
    with pytest.raises(tfloss.TflossError, match=words):
        tfloss.fit_model(tfloss.attach(functional(), "bce"), arrays, formula)


def test_a_plain_model_needs_a_formula():
    with pytest.raises(UsageError, match="Pass the formula"):
        tfloss.fit_model(functional(), (X, Y))


def test_fit_with_a_model_first_names_the_function_that_takes_one():
    with pytest.raises(UsageError, match=r"tfloss\.fit_model\(model, \(x, y\), formula\)"):
        tfloss.fit(functional(), (X, Y), "bce")
