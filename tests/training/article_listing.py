"""The founding article's two listings, step by step, in TensorFlow 1: what the recipes must follow.

Written from what the listings do, without their pictures. What is random, the initial weights and
the rows of each batch, is handed in; where rows are drawn from all rows, the draw is handed in too.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_breast_cancer
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF
from sklearn.preprocessing import LabelBinarizer, MinMaxScaler

tf1 = tf.compat.v1


@dataclass
class Printed:
    """What a listing prints, and its weights at the end.

    Attributes:
        losses: of each epoch, the batches' summed losses after their step, over the batches.
        accuracies: of each epoch, after the step, over the batches.
        divergences: the same of the KL sum; empty for the base network.
        holdout: 'loss' and 'accuracy' at the end.
        probabilities: (holdout rows, 1), at the end.
        weights: kernel and bias of each layer in turn.
    """

    losses: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    divergences: list[float] = field(default_factory=list)
    holdout: dict[str, float] = field(default_factory=dict)
    probabilities: np.ndarray | None = None
    weights: list[np.ndarray] = field(default_factory=list)


def rows_of(seed: int, stop: int, holdout: int) -> tuple[np.ndarray, ...]:
    """Features and labels, scaled by all rows: the first `stop` drawn, the last `holdout`."""
    features, target = load_breast_cancer(return_X_y=True)
    features = MinMaxScaler().fit_transform(features)
    labels = LabelBinarizer().fit_transform(target)
    np.random.seed(seed)
    drawn = np.random.randint(len(features), size=len(features))
    features, labels = features[drawn], labels[drawn]
    last = len(features) - holdout
    return features[:stop], labels[:stop], features[last:], labels[last:]


def base(weights: list[np.ndarray], batches: np.ndarray, *, seed: int) -> Printed:
    """The first listing: cross-entropy on 90 % of the rows; `batches` is (epochs, 10, 50)."""
    train_x, train_y, test_x, test_y = rows_of(seed, int(569 * 0.9), 569 - int(569 * 0.9))
    with tf1.Graph().as_default():
        x, y, variables, logits = _network(weights)
        loss = tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=logits)
        step = tf1.train.GradientDescentOptimizer(0.1).minimize(loss)
        probabilities, accuracy = _readout(logits, y)
        with tf1.Session() as session:
            session.run(tf1.global_variables_initializer())
            printed = Printed()
            for epoch in batches:
                sums = np.zeros(2)
                for rows in epoch:
                    feed = {x: train_x[rows], y: train_y[rows]}
                    session.run(step, feed)
                    found = session.run([loss, accuracy], feed)
                    sums += [np.sum(one) for one in found]
                printed.losses.append(sums[0] / len(epoch))
                printed.accuracies.append(sums[1] / len(epoch))
            found = session.run([loss, accuracy, probabilities], {x: test_x, y: test_y})
            return _ended(printed, found, session.run(variables))


def distillation(
    weights: list[np.ndarray], batches: np.ndarray, *, seed: int, normalised: bool = False
) -> Printed:
    """The second listing: five rows and a Gaussian process; `batches` is (epochs, 1, 5).

    `normalised` takes the norm that the listing offers in a comment.
    """
    train_x, train_y, test_x, test_y = rows_of(seed, int(569 * 0.01), 100)
    teacher = GaussianProcessClassifier(
        kernel=1.0 * RBF(1.0), multi_class="one_vs_one", random_state=0
    ).fit(train_x, train_y.ravel())

    def asked(rows: np.ndarray) -> np.ndarray:
        return teacher.predict_proba(rows)[:, 1].reshape(-1, 1)

    with tf1.Graph().as_default():
        x, y, variables, logits = _network(weights)
        q = tf1.placeholder(tf.float32, [None, 1])
        loss_1 = tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=logits)
        probabilities, accuracy = _readout(logits, y)
        loss_2 = tf.reduce_sum(probabilities * tf.math.log(probabilities / q))
        loss_2 = tf1.cond(loss_2 < 0, lambda: -1 * loss_2, lambda: loss_2)
        norm = tf.reduce_sum(loss_1 + loss_2) if normalised else 1
        loss = loss_1 / norm + 0.1 * loss_2 / norm
        step = tf1.train.GradientDescentOptimizer(0.01).minimize(loss)
        with tf1.Session() as session:
            session.run(tf1.global_variables_initializer())
            printed = Printed()
            for epoch in batches:
                sums = np.zeros(3)
                for rows in epoch:
                    feed = {x: train_x[rows], y: train_y[rows], q: asked(train_x[rows])}
                    session.run(step, feed)
                    found = session.run([loss, accuracy, loss_2], feed)
                    sums += [np.sum(one) for one in found]
                for values, total in zip(
                    (printed.losses, printed.accuracies, printed.divergences), sums, strict=True
                ):
                    values.append(total / len(epoch))
            feed = {x: test_x, y: test_y, q: asked(test_x)}
            found = session.run([loss, accuracy, probabilities], feed)
            return _ended(printed, found, session.run(variables))


def _network(
    weights: list[np.ndarray],
) -> tuple[tf.Tensor, tf.Tensor, list[tf.Variable], tf.Tensor]:
    x = tf1.placeholder(tf.float32, [None, len(weights[0])])
    y = tf1.placeholder(tf.float32, [None, 1])
    variables = [tf1.get_variable(f"w{i}", initializer=w) for i, w in enumerate(weights)]
    kernel1, bias1, kernel2, bias2, kernel_out, bias_out = variables
    hidden1 = tf.sigmoid(tf.matmul(x, kernel1) + bias1)
    hidden2 = tf.sigmoid(tf.matmul(hidden1, kernel2) + bias2)
    return x, y, variables, tf.matmul(hidden2, kernel_out) + bias_out


def _readout(logits: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The probabilities, and the share of them that round to the label."""
    probabilities = tf.sigmoid(logits)
    return probabilities, tf.reduce_mean(tf.cast(tf.equal(tf.round(probabilities), y), tf.float32))


def _ended(printed: Printed, found: list[np.ndarray], weights: list[np.ndarray]) -> Printed:
    printed.holdout = {"loss": float(np.sum(found[0])), "accuracy": float(found[1])}
    printed.probabilities, printed.weights = found[2], weights
    return printed
