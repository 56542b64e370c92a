"""Two-tower retrieval, in plain Keras: a loss that sees both towers means a step of one's own.

Prints how often it is among the ten nearest of all held-out items. EPOCHS=40 python retrieval.py
"""

import os

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

EPOCHS = int(os.environ.get("EPOCHS", "40"))
keras.utils.set_random_seed(0)
images = load_digits().data.astype("float32") / 16
train, test = train_test_split(images, random_state=0)


def tower(name):
    layers = keras.layers
    dense = [layers.Dense(128, "relu"), layers.Dropout(0.2), layers.Dense(32)]
    return keras.Sequential([*dense, layers.UnitNormalization()], name=name)


query, item = keras.Input((32,), name="top"), keras.Input((32,), name="bottom")
towers = {"query": tower("query_tower")(query), "item": tower("item_tower")(item)}


def own_item_wins(query, item, temperature=0.1):
    scores = tf.matmul(query, item, transpose_b=True) / temperature
    return tf.reduce_mean(tf.reduce_logsumexp(scores, axis=-1) - tf.linalg.diag_part(scores))


class Retrieval(keras.Model):
    def __init__(self, *given, **options):
        super().__init__(*given, **options)
        names = ("loss", "by_query", "by_item")
        self.trackers = [keras.metrics.Mean(name=name) for name in names]

    @property
    def metrics(self):
        return self.trackers

    def train_step(self, batch):
        with tf.GradientTape() as tape:
            towers = self(batch, training=True)
            by_query = 0.5 * own_item_wins(towers["query"], towers["item"])
            by_item = 0.5 * own_item_wins(towers["item"], towers["query"])
            total = by_query + by_item
        gradients = tape.gradient(total, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        rows = tf.shape(batch["top"])[0]
        for tracker, value in zip(self.trackers, (total, by_query, by_item), strict=True):
            tracker.update_state(value, sample_weight=rows)
        return {tracker.name: tracker.result() for tracker in self.trackers}


model = Retrieval({"top": query, "bottom": item}, towers)
model.compile(keras.optimizers.Adam(2e-3))
model.fit({"top": train[:, :32], "bottom": train[:, 32:]}, batch_size=128, epochs=EPOCHS, verbose=0)

found = model.predict({"top": test[:, :32], "bottom": test[:, 32:]}, verbose=0)
scores = found["query"] @ found["item"].T
rank = (scores > np.diag(scores)[:, None]).sum(axis=1)
figure = (rank < 10).mean()
print(f"recall at 10 of {len(test)} items {figure:.4f}; by chance {10 / len(test):.4f}")
