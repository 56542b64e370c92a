"""`docs/keras_pitfalls.md`: Keras' figure and ours, for each point."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfloss
from tests.keras_integration.models import ROWS, data, functional, two_ended
from tfloss.errors import UsageError

X, Y = data()
R = np.random.default_rng(0)


def trained(model, loss, **options):
    model.compile(keras.optimizers.SGD(0.1), loss, **options)
    history = model.fit(X, X[:, :1], epochs=3, batch_size=8, shuffle=False, verbose=0).history
    return model.get_weights(), history


def test_1_keras_trains_the_first_of_two_losses_on_one_output():
    both, history = trained(functional(None), ["mse", "mae"])
    first, _ = trained(functional(None), "mse")
    weighted, _ = trained(functional(None), ["mse", "mae"], loss_weights=[1.0, 100.0])
    for one, other, third in zip(both, first, weighted, strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(one, third)
    assert history.get("mae_loss", [0.0])[-1] == 0.0


def test_1_ours_trains_both():
    model = functional(None)
    history = trained(tfloss.attach(model, "mse + 100*mae"), None)[1]
    assert history["mae"][-1] > 1  # as weighted
    by_loss, plain = functional(None), functional(None)
    trained(by_loss, tfloss.Loss("mse + 0.5*mae"))
    one, other = keras.losses.MeanSquaredError(), keras.losses.MeanAbsoluteError()
    trained(plain, lambda y, p: one(y, p) + 0.5 * other(y, p))
    for weight, expected in zip(by_loss.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(weight, expected, rtol=1e-4, atol=1e-6)


TEACHER = R.normal(size=(256, 10)).astype(np.float32) * 3
STUDENT = R.normal(size=(256, 10)).astype(np.float32) * 3


def gradient(loss, values):
    variable = tf.Variable(values)
    with tf.GradientTape() as tape:
        value = loss(variable)
    return tape.gradient(value, variable).numpy()


def keras_distillation():
    loss = keras.distillation.LogitsDistillation()
    return lambda logits: loss.compute_loss(tf.constant(TEACHER), logits)


def our_distillation():
    loss = tfloss.load_registry().losses["kd"].function
    return lambda logits: tf.reduce_mean(loss(tf.nn.softmax(TEACHER), logits, temperature=3.0))


def agreement(loss):
    """How often free logits, trained on a loss alone, put the teacher's class first."""
    logits = tf.Variable(STUDENT)
    optimizer = keras.optimizers.Adam(0.1)
    optimizer.build([logits])

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            value = loss(logits)
        optimizer.apply([tape.gradient(value, logits)], [logits])

    for _ in range(300):
        step()
    return float(np.mean(logits.numpy().argmax(1) == TEACHER.argmax(1)))


def test_2_keras_distillation_by_default_is_not_a_divergence_of_distributions():
    assert np.mean(gradient(keras_distillation(), STUDENT) == 0) > 0.5
    assert agreement(keras_distillation()) < 0.5


def test_2_ours_reaches_the_teacher():
    assert np.mean(gradient(our_distillation(), STUDENT) == 0) == 0
    assert agreement(our_distillation()) == 1.0


def test_3_keras_distiller_ignores_sample_weights_and_regularizers():
    def loss(**options):
        student, teacher = functional(None, kernel_regularizer=keras.regularizers.L2(1.0)), None
        teacher = functional(None)
        distiller = keras.distillation.Distiller(
            teacher, student, keras.distillation.LogitsDistillation(), student_loss_weight=1.0
        )
        distiller.compile(keras.optimizers.SGD(0.0), loss="mse")
        y = X[:, :1]
        return distiller.fit(X, y, batch_size=ROWS, verbose=0, **options).history, student

    history, student = loss()
    weighted, _ = loss(sample_weight=np.zeros(ROWS))
    error = np.mean((np.asarray(student(X)) - X[:, :1]) ** 2)
    assert history["student_loss"][0] == pytest.approx(error, rel=1e-5)
    assert weighted["student_loss"] == history["student_loss"]  # all weights zero change nothing
    penalty = np.sum(np.asarray(student.get_layer("hidden").kernel) ** 2)
    assert penalty > 0.1
    assert history["total_loss"][0] == pytest.approx(error, rel=1e-5)  # without the penalty


def test_3_ours_counts_both():
    student = functional(None, kernel_regularizer=keras.regularizers.L2(1.0))
    model = tfloss.attach(student, "mse + mse(teacher, prediction)", teacher=functional(None))
    model.compile("sgd")
    logs = model.evaluate(X, X[:, :1], sample_weight=np.zeros(ROWS), verbose=0, return_dict=True)
    penalty = np.sum(np.asarray(student.get_layer("hidden").kernel) ** 2)
    assert logs["mse"] == 0
    assert logs["loss"] == pytest.approx(penalty, rel=1e-5)


CONFIDENT = np.array([[40.0]], np.float32)  # a logit; the label is 0


def test_4_keras_has_no_gradient_when_the_student_is_confidently_wrong():
    entropy = keras.losses.BinaryCrossentropy()
    assert gradient(lambda z: entropy(np.zeros((1, 1)), tf.sigmoid(z)), CONFIDENT) == 0
    divergence = keras.losses.KLDivergence()
    label, two = np.array([[1.0, 0.0]]), np.array([[0.0, 40.0]], np.float32)
    assert np.abs(gradient(lambda z: divergence(label, tf.nn.softmax(z)), two)).max() < 1e-20


def test_4_ours_has():
    @tf.function
    def slope(logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = tfloss.Loss("bce")(tf.zeros((1, 1)), tf.sigmoid(logits))
        return tape.gradient(value, logits)

    assert slope(tf.constant(CONFIDENT)).numpy() == 1
    kl = tfloss.load_registry().losses["forward_kl"].function
    two = np.array([[0.0, 40.0]], np.float32)
    slopes = gradient(lambda z: kl(tf.constant([[1.0, 0.0]]), z), two)
    np.testing.assert_allclose(slopes, [[-1, 1]], atol=1e-6)


def test_4_shapes_that_do_not_match():
    wide, narrow = np.ones((8, 2), np.float32), np.zeros((8, 1), np.float32)
    assert float(keras.losses.MeanSquaredError()(wide, narrow)) == 1  # broadcast, no word
    with pytest.raises(UsageError, match=r"'labels' has shape \(8, 2\)"):
        tfloss.Loss("mse")(wide, narrow)


WEIGHTS = np.array([1.0, 0, 0, 0], np.float32)


def test_5_a_scalar_loss_takes_weights_wrongly():
    ones, zeros = np.ones((4, 1), np.float32), np.zeros((4, 1), np.float32)

    class Scalar(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return tf.reduce_mean((y_true - y_pred) ** 2, axis=None)

    class Example(Scalar):
        def call(self, y_true, y_pred):
            return tf.reduce_mean((y_true - y_pred) ** 2, axis=-1)

    right = float(Example()(ones, zeros, sample_weight=WEIGHTS))
    assert right == 0.25
    first_right = np.array([[0.0], [1], [1], [1]], np.float32)  # the weighted example has no error
    assert float(Scalar()(first_right, zeros, sample_weight=WEIGHTS)) == pytest.approx(0.75 / 4)
    assert float(tfloss.Loss("mse")(first_right, zeros, sample_weight=WEIGHTS)) == 0
    assert float(tfloss.Loss("mse")(ones, zeros, sample_weight=WEIGHTS)) == 0.25


def test_5_a_scalar_loss_takes_a_step_twice_as_far_on_two_replicas():
    from tests.benchmarks.pitfalls import replicas

    theirs, ours = replicas()
    assert theirs == pytest.approx(2, rel=1e-5)
    assert ours == pytest.approx(1, rel=1e-5)


def test_6_keras_logs_do_not_add_up():
    model = two_ended()
    model.get_layer("kind").kernel_regularizer = None
    x, y = [X, X[:, :2]], [Y, X[:, 0]]
    model.compile("sgd", ["binary_crossentropy", "mse"], loss_weights=[1.0, 10.0])
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    assert abs(logs["kind_loss"] + logs["price_loss"] - logs["loss"]) > 1


def test_6_ours_do():
    model = two_ended()
    attached = tfloss.attach(
        model, "bce(kind.labels, kind.logits) + 10*mse(price.labels, price) + 1e-2*l2"
    )
    attached.compile("sgd")
    logs = attached.evaluate([X, X[:, :2]], [Y, X[:, 0]], verbose=0, return_dict=True)
    assert sum(logs[n] for n in attached.term_names) == pytest.approx(logs["loss"], rel=1e-6)
