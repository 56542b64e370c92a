"""A Transformer distilled layer by layer, in plain Keras: missing labels and one value per term.

`keras.distillation.Distiller` asks the teacher anew at each step and knows no missing labels.
Prints the student's accuracy on held-out digits. EPOCHS=30 python transformer.py
"""

import os

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

EPOCHS = int(os.environ.get("EPOCHS", "30"))
keras.utils.set_random_seed(0)
images, digits = load_digits().images.astype("float32") / 16, load_digits().target
tokens = np.concatenate([images, np.tile(np.eye(8, dtype="float32"), (len(images), 1, 1))], -1)
x, x_test, y, y_test = train_test_split(tokens, digits, random_state=0)


def transformer(heads, width, blocks=2, size=32):
    """A row of pixels is a token; every block is a layer 'block1', 'block2', …"""
    layers = keras.layers
    source = keras.Input((8, 16))
    state = layers.Dense(size)(source)
    for number in range(1, blocks + 1):
        seen = layers.MultiHeadAttention(heads, width)(state, state)
        state = layers.LayerNormalization()(state + seen)
        inner = layers.Dense(size)(layers.Dense(4 * width, "relu")(state))
        state = layers.LayerNormalization(name=f"block{number}")(state + inner)
    return keras.Model(source, layers.Dense(10)(layers.Flatten()(state)))


teacher = transformer(heads=4, width=16)
entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
teacher.compile(keras.optimizers.Adam(1e-3), entropy)
teacher.fit(x, y, epochs=EPOCHS, verbose=0)


class Distilled(keras.Model):
    def __init__(self, student, temperature=2.0):
        super().__init__()
        self.student = student
        self.seen = self.with_blocks(student)
        self.temperature = temperature
        names = ("loss", "ce", "kd", "block1", "block2")
        self.trackers = [keras.metrics.Mean(name=name) for name in names]

    @staticmethod
    def with_blocks(model):
        blocks = [model.get_layer(f"block{i}").output for i in (1, 2)]
        return keras.Model(model.input, [model.output, *blocks])

    @property
    def metrics(self):
        return self.trackers

    def call(self, inputs):
        return self.student(inputs)

    def train_step(self, batch):
        inputs, labels = batch
        there = tf.cast(~tf.math.is_nan(labels["digit"]), tf.float32)
        digits = tf.where(there > 0, labels["digit"], tf.zeros_like(labels["digit"]))
        with tf.GradientTape() as tape:
            logits, *blocks = self.seen(inputs, training=True)
            each = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(digits, tf.int32), logits)
            ce = tf.reduce_sum(there * each) / tf.maximum(tf.reduce_sum(there), 1)
            soft = labels["logits"] / self.temperature
            log_ratio = tf.nn.log_softmax(soft) - tf.nn.log_softmax(logits / self.temperature)
            kd = tf.reduce_mean(tf.reduce_sum(tf.nn.softmax(soft) * log_ratio, axis=-1))
            terms = [ce, self.temperature**2 * kd]
            for i, block in enumerate(blocks, start=1):
                terms.append(tf.reduce_mean((labels[f"block{i}"] - block) ** 2))
            total = tf.add_n(terms)
        gradients = tape.gradient(total, self.student.trainable_variables)
        self.optimizer.apply(gradients, self.student.trainable_variables)
        for tracker, value in zip(self.trackers, (total, *terms), strict=True):
            tracker.update_state(value, sample_weight=tf.shape(inputs)[0])
        return {tracker.name: tracker.result() for tracker in self.trackers}


labelled = np.where(np.arange(len(y)) % 3 == 0, y, np.nan)
answers = Distilled.with_blocks(teacher).predict(x, verbose=0)
names = ("logits", "block1", "block2")
targets = {"digit": labelled, **dict(zip(names, answers, strict=True))}
student = transformer(heads=1, width=8)
model = Distilled(student)
model.compile(keras.optimizers.Adam(1e-3))
model.fit(x, targets, epochs=EPOCHS, verbose=0)

figure = (model.predict(x_test, verbose=0).argmax(1) == y_test).mean()
reached = (teacher.predict(x_test, verbose=0).argmax(1) == y_test).mean()
print(f"accuracy of the student {figure:.4f}, of the teacher {reached:.4f}; ", end="")
print(f"weights {student.count_params()} for {teacher.count_params()}")
