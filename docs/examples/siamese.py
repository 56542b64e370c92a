"""A Siamese network on pairs of digits: one encoder that is called twice, both calls in a formula.

Prints how well the distance tells same from different pairs. EPOCHS=30 python siamese.py
"""

import os

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

import tfloss

EPOCHS = int(os.environ.get("EPOCHS", "30"))
keras.utils.set_random_seed(0)
pixels, digits = load_digits(return_X_y=True)
parts = train_test_split(pixels.astype("float32") / 16, digits, random_state=0)


def pairs(pixels, digits, count, seed):
    """As many pairs of one digit as of two."""
    generator = np.random.default_rng(seed)
    left = generator.integers(len(digits), size=count)
    same = np.arange(count) % 2
    partners = [np.flatnonzero((digits == digits[i]) == s) for i, s in zip(left, same, strict=True)]
    right = [generator.choice(partner) for partner in partners]
    return {"left": pixels[left], "right": pixels[right]}, same.astype("float32")


layers = keras.layers
encoder = keras.Sequential([layers.Dense(64, "relu"), layers.Dense(8)], name="encoder")
left, right = keras.Input((64,), name="left"), keras.Input((64,), name="right")
square = keras.ops.square(encoder(left) - encoder(right))
network = keras.Model([left, right], keras.ops.mean(square, axis=-1, keepdims=True))

distance = "mse(encoder, encoder.call2)"
formula = f"same*{distance} + (1 - same)*maximum(1 - {distance}, 0)"
model = tfloss.attach(network, formula, columns=["same"])
model.compile(keras.optimizers.Adam(1e-3))
x, same = pairs(parts[0], parts[2], 8000, seed=0)
model.fit(x, {"same": same}, epochs=EPOCHS, verbose=0)

x, same = pairs(parts[1], parts[3], 4000, seed=1)
figure = roc_auc_score(same, -model.predict(x, verbose=0)[:, 0])
pixelwise = roc_auc_score(same, -((x["left"] - x["right"]) ** 2).sum(axis=1))
print(f"AUC of the distance {figure:.4f}; of the distance of the pixels {pixelwise:.4f}")
