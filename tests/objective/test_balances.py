"""Balances inside of formulas: what is refused, what is logged, and the training they make."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy.special import expit

import tfloss
from tests.objective.builders import SCOPE, TENSORS
from tfloss import tf
from tfloss.formula import FormulaError
from tfloss.objective import Objective, plan_terms


def tensors():
    return {k: v if isinstance(v, dict) else tf.constant(v) for k, v in TENSORS.items()}


@pytest.mark.parametrize(
    ("formula", "sentence"),
    [
        ("0.5*pcgrad(bce, kl)", "stands alone between the signs"),
        ("bce - pcgrad(bce, kl)", "cannot be subtracted"),
        ("pcgrad(bce)", "two terms or more"),
        ("pcgrad", "two terms or more"),
        ("gls(bce, mse, by=logits)", "looks at losses only"),
        ("uncertainty(bce, value(hidden1))", "'value' does not declare"),
        ("pcgrad(bce, mse(hidden1, hidden2), by=nowhere)", "No weight of the student"),
        ("pcgrad(bce, mse(hidden1, hidden2), by=nowhere.output)", "no layer 'nowhere'"),
        ("pcgrad(bce, mse(hidden1, hidden2), by=teacher.output)", "no layer 'teacher'"),
        ("gls(bce, mse, by=hidden1.output)", "looks at losses only"),
        ("fairgrad(bce, mse(hidden1, hidden2), alpha=0)", "must be"),
        ("bce + mse(pcgrad(bce, kl))", "cannot be used inside an argument"),
    ],
)
def test_what_is_refused(registry, formula, sentence):
    with pytest.raises(FormulaError, match=sentence):
        plan_terms(formula, registry, SCOPE)


def test_members_stay_terms_and_weights_are_logged(registry):
    objective = Objective("uncertainty(bce, 0.5*binary_kl) + 0.1*l2", registry, SCOPE)
    assert objective.names == (
        "bce",
        "binary_kl",
        "l2",
        "uncertainty",
        "weight(bce)",
        "weight(binary_kl)",
    )
    total, values = objective(tensors(), training=True)
    plain = Objective("bce + 0.5*binary_kl + 0.1*l2", registry, SCOPE)(tensors()).terms
    np.testing.assert_allclose(values[:2], np.array(plain[:2]) / 2, rtol=1e-6)
    np.testing.assert_allclose(values[2], plain[2], rtol=1e-6)
    np.testing.assert_allclose(values[4:], [0.5, 0.5])
    np.testing.assert_allclose(total, np.sum(values[:4]), rtol=1e-6)


def test_a_holdout_is_weighed_as_the_training_was(registry):
    objective = Objective("softadapt(bce, mse(hidden1, hidden2), beta=3)", registry, SCOPE)
    np.testing.assert_allclose(objective(tensors()).terms[2:], [1, 1])
    first = objective(tensors(), training=True).terms[2:]
    np.testing.assert_allclose(first, [0.5, 0.5])
    np.testing.assert_allclose(objective(tensors()).terms[2:], [0.5, 0.5])


def two_outputs():
    inputs = keras.Input((4,), name="x")
    hidden = keras.layers.Dense(5, activation="tanh", name="hidden")(inputs)
    heads = {
        "a": keras.layers.Dense(1, name="a")(hidden),
        "b": keras.layers.Dense(1, name="b")(hidden),
    }
    model = keras.Model(inputs, heads)
    random = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(random.normal(size=weight.shape))
    x = random.normal(size=(16, 4)).astype(np.float32)
    y = {"a": np.sin(x[:, :1]), "b": 3 * np.cos(x[:, 1:2])}
    return model, x, y


def by_hand(balance, by, steps=3, rate=0.05):
    """Plain gradient descent on weighted gradients, one tape for each member."""
    model, x, y = two_outputs()
    for _ in range(steps):
        gradients, by_output = [], []
        for head in ("a", "b"):
            with tf.GradientTape() as tape:
                hidden = model.get_layer("hidden")(x)
                loss = tf.reduce_mean(tf.square(model.get_layer(head)(hidden) - y[head]))
            *slopes, by_hidden = tape.gradient(loss, [*model.trainable_variables, hidden])
            by_output.append(np.ravel(by_hidden))
            gradients.append(
                [
                    tf.zeros_like(v) if g is None else g
                    for g, v in zip(slopes, model.trainable_variables, strict=True)
                ]
            )
        rows = by_output
        if by != "output":
            rows = [
                np.concatenate(
                    [
                        np.ravel(g)
                        for g, v in zip(one, model.trainable_variables, strict=True)
                        if by in v.path
                    ]
                )
                for one in gradients
            ]
        weights = np.asarray(balance(tf.constant(np.array(rows) @ np.array(rows).T)))
        for number, variable in enumerate(model.trainable_variables):
            slope = sum(w * one[number] for w, one in zip(weights, gradients, strict=True))
            variable.assign_sub(rate * slope)
    return model


OPTIONS = {"": "", "hidden": ", by='hidden/*'", "output": ", by=hidden.output"}


@pytest.mark.parametrize("by", OPTIONS)
def test_a_training_by_upgrad_is_weighted_gradients_written_out(registry, by):
    model, x, y = two_outputs()
    option = OPTIONS[by]
    formula = f"upgrad(mse(a.labels, a), mse(b.labels, b){option})"
    trained = tfloss.attach(model, formula)
    trained.compile(optimizer=keras.optimizers.SGD(0.05))
    history = trained.fit(x, y, batch_size=16, epochs=3, shuffle=False, verbose=0).history
    expected = by_hand(registry.balances["upgrad"].function, by)
    for ours, theirs in zip(model.weights, expected.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    weights = [key for key in history if key.startswith("weight(")]
    assert len(weights) == 2


def in_a_step(formula, registry, steps=1):
    """What is logged of the last compiled step on a linear layer behind `hidden1`."""
    objective = Objective(formula, registry, SCOPE)
    weights = {path: keras.Variable(value) for path, value in TENSORS["weights"].items()}

    @tf.function(autograph=False)
    def step():
        hidden = tf.identity(TENSORS["hidden1"])
        logits = hidden @ weights["logits/kernel"] + weights["logits/bias"]
        given = {**tensors(), "hidden1": hidden, "logits": logits, "weights": weights}
        return objective(given, training=True).terms

    found = [step() for _ in range(steps)]
    return dict(zip(objective.names, found[-1], strict=True))


def test_gradients_by_an_output_are_those_of_every_row(registry):
    """Of logits: p - y for cross-entropy, 2(logit - y) for the square, each over the rows."""
    found = in_a_step("mgda(bce, mse(labels, logits), by=logits.output)", registry)
    logits = TENSORS["hidden1"] @ TENSORS["weights"]["logits/kernel"] + 0.5
    rows = [expit(logits) - TENSORS["labels"], 2 * (logits - TENSORS["labels"])]
    one, other = (np.ravel(row) / len(logits) for row in rows)
    # The shortest mean of two vectors, in closed form.
    share = np.clip((other - one) @ other / np.sum((one - other) ** 2), 0, 1)
    np.testing.assert_allclose(found["weight(bce)"], share, atol=1e-4)
    np.testing.assert_allclose(found["weight(mse(labels, logits))"], 1 - share, atol=1e-4)


@pytest.mark.parametrize(
    ("formula", "sentence"),
    [
        (
            "mgda(bce, mse(labels, logits), by=hidden1.output)",
            "weight 'logits/.*' acts on bce, mse.* past the output of 'hidden1'",
        ),
        ("mgda(bce, l2, by=logits.output)", "'l2' does not depend on the output of 'logits'"),
        (
            "mgda(bce, l2*mse(labels, logits), by=logits.output)",
            "weight 'logits/.*' acts on l2.* past the output of 'logits'",
        ),
    ],
)
def test_an_output_that_does_not_tell_all_is_refused(registry, formula, sentence):
    with pytest.raises(tfloss.UsageError, match=sentence):
        in_a_step(formula, registry)


def famo_by_hand(steps, rate):
    """The authors' way: a second forward pass on the same batch says what the step has brought."""
    model, x, y = two_outputs()
    logits = keras.Variable(np.zeros(2, np.float32))
    adam = keras.optimizers.Adam(0.025, epsilon=1e-8)

    def losses():
        answers = model(x)
        return tf.stack([tf.reduce_mean(tf.square(answers[head] - y[head])) for head in "ab"])

    for _ in range(steps):
        with tf.GradientTape() as tape:
            before = losses()
            shares = tf.nn.softmax(logits.value)
            factor = 1 / tf.reduce_sum(shares / tf.stop_gradient(before))
            total = factor * tf.reduce_sum(shares * tf.math.log(before))
        for variable, slope in zip(
            model.trainable_variables, tape.gradient(total, model.trainable_variables), strict=True
        ):
            variable.assign_sub(rate * slope)
        fell = tf.math.log(before) - tf.math.log(losses())
        with tf.GradientTape() as tape:
            tape.watch(logits.value)
            pull = tf.reduce_sum(tf.nn.softmax(logits.value) * fell)
            pull += 0.01 / 2 * tf.reduce_sum(tf.square(logits.value))
        adam.apply([tape.gradient(pull, logits.value)], [logits])
    return model, logits


def test_famo_on_whole_batches_is_the_paper_with_its_second_forward_pass():
    model, x, y = two_outputs()
    trained = tfloss.attach(model, "famo(mse(a.labels, a), mse(b.labels, b))")
    trained.compile(optimizer=keras.optimizers.SGD(0.2))
    trained.fit(x, y, batch_size=16, epochs=5, shuffle=False, verbose=0)
    expected, logits = famo_by_hand(5, 0.2)
    assert np.ptp(logits.numpy()) > 0.05
    for ours, theirs in zip(model.weights, expected.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


def test_uncertainty_is_learned_and_kept_with_the_result():
    data = tfloss.load_data("breast_cancer")
    result = tfloss.fit("uncertainty(bce, mse(labels, probs))", data, epochs=20, seed=0)
    weights = result.history.column("weight(bce)")
    assert weights[0] == pytest.approx(0.5, abs=0.1)
    assert weights[-1] != weights[0]
    total = np.array(result.history.column("total"))
    parts = [np.array(result.history.column(name)) for name in result.history.names[:3]]
    np.testing.assert_allclose(total, np.sum(parts, axis=0), rtol=1e-4, atol=1e-5)


def test_a_comparison_trains_all_seeds_at_once():
    """Where nothing is adapted to, two weights are ½ and the training is that of half the sum."""
    result = tfloss.compare(
        ["0.5*bce + 0.5*mse(labels, probs)", "softadapt(bce, mse(labels, probs), beta=0)"],
        seeds=2,
        epochs=2,
        optimizer="sgd:learning_rate=0.1",
    )
    plain, balanced = result.trajectories
    assert (plain.execution, balanced.execution) == ("stacked", "stacked")
    np.testing.assert_allclose(balanced.train[..., 0], plain.train[..., 0], rtol=1e-4)
    # Weights are told next to the terms, and are no part of the loss or of its gradient.
    terms = ["bce", "mse(labels, probs)"]
    assert result.values["terms"] == [terms, terms]
    assert list(result.values["gradients"][1]["shares"]) == terms
    curves, logged = result.values["curves"][1], result.values["logged"][1]
    assert list(curves["train"]) == ["total", *terms]
    np.testing.assert_allclose(logged["train"]["weight(bce)"]["mean"], [0.5, 0.5], rtol=1e-5)


def test_what_works_in_compiled_steps_only_may_stand_in_a_balance_with_variables():
    """Its variables are made by tracing: a slope cannot be taken of tensors that are there."""
    data = tfloss.load_data("diabetes")
    slope = "mse(grad(prediction, inputs), 0*inputs)"
    result = tfloss.fit(f"relobralo(mse, {slope})", data, epochs=1, seed=0)
    assert np.isfinite(result.history.column(slope)).all()
