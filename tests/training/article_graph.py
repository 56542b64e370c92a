"""The founding article's graph in TensorFlow 1: the reference that tfloss must follow.

The loss is a vector: each example's cross-entropy, plus 0.1 times the absolute value of the batch's
summed p·log(p/q). TensorFlow 1 sums a vector loss's gradient over its entries.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

Weights = list[np.ndarray]  # kernel and bias of each layer in turn


def train(
    weights: Weights,
    batches: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
    *,
    learning_rate: float,
    teacher_weight: float | None,
) -> Weights:
    """Gradient descent on the article's loss, one step per batch of (inputs, labels, teacher)."""
    tf1 = tf.compat.v1
    with tf1.Graph().as_default():
        x = tf1.placeholder(tf.float32, [None, weights[0].shape[0]])
        y = tf1.placeholder(tf.float32, [None, 1])
        q = tf1.placeholder(tf.float32, [None, 1])
        variables = [tf1.get_variable(f"w{i}", initializer=w) for i, w in enumerate(weights)]
        hidden = x
        for kernel, bias in zip(variables[:-2:2], variables[1:-2:2], strict=True):
            hidden = tf.sigmoid(tf.matmul(hidden, kernel) + bias)
        logits = tf.matmul(hidden, variables[-2]) + variables[-1]
        loss = tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=logits)
        if teacher_weight is not None:
            p = tf.sigmoid(logits)
            loss = loss + teacher_weight * tf.abs(tf.reduce_sum(p * tf.math.log(p / q)))
        step = tf1.train.GradientDescentOptimizer(learning_rate).minimize(loss)
        with tf1.Session() as session:
            session.run(tf1.global_variables_initializer())
            for inputs, labels, teacher in batches:
                session.run(step, {x: inputs, y: labels, q: teacher})
            return session.run(variables)
