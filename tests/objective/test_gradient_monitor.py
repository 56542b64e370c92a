"""Gradients measured while training, against one tape per term."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import tfloss
from tests.objective.test_balances import two_outputs
from tfloss import GradientMonitor, tf
from tfloss.errors import UsageError

FORMULA = "mse(a.labels, a) + 0.1*mse(b.labels, b) + 0.01*l2('hidden/*')"
TERMS = ("mse(a.labels, a)", "mse(b.labels, b)", "l2('hidden/*')")


def by_tapes(model, x, y):
    """Norms and cosines of the weighted terms' gradients."""

    def term(name):
        if name == "l2":
            hidden = model.get_layer("hidden")
            return 0.01 * sum(tf.reduce_sum(w.value**2) for w in hidden.trainable_weights)
        return {"a": 1.0, "b": 0.1}[name] * tf.reduce_mean((model(x)[name] - y[name]) ** 2)

    rows = []
    for name in ("a", "b", "l2"):
        with tf.GradientTape() as tape:
            value = term(name)
        zero = tf.UnconnectedGradients.ZERO
        weights = [variable.value for variable in model.trainable_variables]
        slopes = tape.gradient(value, weights, unconnected_gradients=zero)
        rows.append(np.concatenate([np.ravel(slope) for slope in slopes]))
    rows = np.array(rows)
    norms = np.linalg.norm(rows, axis=1)
    cosines = rows @ rows.T / np.outer(norms, norms)
    return norms, cosines[np.triu_indices(3, 1)]


def logged(history, epoch):
    norms = [history[f"gradient({term})"][epoch] for term in TERMS]
    pairs = [(0, 1), (0, 2), (1, 2)]
    return norms, [history[f"cosine({TERMS[i]}, {TERMS[j]})"][epoch] for i, j in pairs]


def test_an_attached_model_logs_what_tapes_measure():
    model, x, y = two_outputs()
    attached = tfloss.attach(model, FORMULA, watch=GradientMonitor(every=1))
    attached.compile(optimizer=keras.optimizers.SGD(0.05))
    for _ in range(2):
        expected = by_tapes(model, x, y)
        history = attached.fit(x, y, batch_size=16, epochs=1, verbose=0).history
        for ours, theirs in zip(logged(history, 0), expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    assert history["loss"][0] == pytest.approx(sum(history[term][0] for term in TERMS), rel=1e-5)
    assert attached.remarks == []


def test_between_measurements_the_last_one_counts_and_weights_are_the_same():
    def trained(watch):
        model, x, y = two_outputs()
        attached = tfloss.attach(model, FORMULA, watch=watch)
        attached.compile(optimizer=keras.optimizers.SGD(0.05))
        history = attached.fit(x, y, batch_size=16, epochs=5, shuffle=False, verbose=0).history
        return model, history

    model, history = trained("gradients:every=3")
    plain, _ = trained(None)
    norms = history[f"gradient({TERMS[0]})"]
    assert norms[0] == norms[1] == norms[2] != norms[3] == norms[4]
    for ours, theirs in zip(model.weights, plain.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("compiler", ["graph", "xla"])
def test_fit_logs_it_and_says_what_it_shows(compiler):
    data = tfloss.load_data("breast_cancer")
    # 1 - p of the true class against p: the gradients of the two terms are opposite.
    result = tfloss.fit(
        "mse(labels, probs) + 0.5*mse(1 - labels, probs) + 1e-6*l2",
        data,
        epochs=3,
        watch="gradients:every=5",
        compile=compiler,
        seed=1,
    )
    cosine = result.history.column("cosine(mse(labels, probs), mse(1 - labels, probs))")
    assert cosine.mean() < 0
    first, second = result.remarks
    assert "pull against each other" in first
    assert "'l2' hardly counts" in second
    holdout = result.history.column("gradient(l2)", "holdout")
    assert np.isfinite(holdout).all()


@pytest.mark.parametrize(
    ("watch", "sentence"),
    [
        ("weights", "watch cannot be 'weights'"),
        ("gradients:each=3", "watch cannot be"),
        ("gradients:every=0", "must be a number of steps"),
        (3, "it can be 'gradients'"),
    ],
)
def test_what_is_refused(watch, sentence):
    with pytest.raises(UsageError, match=sentence):
        tfloss.attach(two_outputs()[0], FORMULA, watch=watch)


def test_without_compiling_it_is_refused():
    data = tfloss.load_data("breast_cancer")
    with pytest.raises(UsageError, match="compile='eager' or watch"):
        tfloss.fit("bce + l2", data, epochs=1, watch="gradients", compile="eager")


def test_it_is_saved_with_an_attached_model(tmp_path):
    model, x, y = two_outputs()
    attached = tfloss.attach(model, FORMULA, watch="gradients:every=7")
    attached.compile(optimizer="sgd")
    attached.fit(x, y, verbose=0)
    attached.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.term_names == attached.term_names
    assert again.get_config()["watch"] == "gradients:every=7"
