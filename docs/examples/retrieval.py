"""Two-tower retrieval: find the lower half of a digit by its upper half.

Each query's own item has to win against all others of the batch.
Prints how often it is among the ten nearest of all held-out items. EPOCHS=40 python retrieval.py
"""

import os

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import tfloss
from tfloss import tf

EPOCHS = int(os.environ.get("EPOCHS", "40"))
keras.utils.set_random_seed(0)
images = load_digits().data.astype("float32") / 16
train, test = train_test_split(images, random_state=0)


@tfloss.loss
def own_item_wins(query, item, *, temperature=0.1):
    """Softmax over the batch's items: (batch, k) each, of unit length; returns (batch,)."""
    scores = tf.matmul(query, item, transpose_b=True) / temperature
    return tf.reduce_logsumexp(scores, axis=-1) - tf.linalg.diag_part(scores)


def tower(name):
    layers = keras.layers
    dense = [layers.Dense(128, "relu"), layers.Dropout(0.2), layers.Dense(32)]
    return keras.Sequential([*dense, layers.UnitNormalization()], name=name)


query, item = keras.Input((32,), name="top"), keras.Input((32,), name="bottom")
towers = {"query": tower("query_tower")(query), "item": tower("item_tower")(item)}
network = keras.Model({"top": query, "bottom": item}, towers)

both_ways = "0.5*own_item_wins + 0.5*own_item_wins(item, query)"
model = tfloss.attach(network, both_ways, losses=[own_item_wins])
model.compile(keras.optimizers.Adam(2e-3))
model.fit({"top": train[:, :32], "bottom": train[:, 32:]}, batch_size=128, epochs=EPOCHS, verbose=0)

found = model.predict({"top": test[:, :32], "bottom": test[:, 32:]}, verbose=0)
scores = found["query"] @ found["item"].T
rank = (scores > np.diag(scores)[:, None]).sum(axis=1)
figure = (rank < 10).mean()
print(f"recall at 10 of {len(test)} items {figure:.4f}; by chance {10 / len(test):.4f}")
