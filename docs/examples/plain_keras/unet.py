"""A U-Net with deep supervision, in plain Keras: two losses on one output are one function.

Prints the intersection over union on held-out images. EPOCHS=15 python unet.py
"""

import os

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

EPOCHS = int(os.environ.get("EPOCHS", "15"))
keras.utils.set_random_seed(0)
clean = load_digits().images.astype("float32")[..., None] / 16
noisy = clean + np.random.default_rng(0).normal(scale=0.5, size=clean.shape).astype("float32")
ink = (clean > 0.5).astype("float32")
half = ink.reshape(-1, 4, 2, 4, 2, 1).mean(axis=(2, 4))
x, x_test, y, y_test, y_half, _ = train_test_split(noisy, ink, half, random_state=0)


def convolve(x, filters):
    return keras.layers.Conv2D(filters, 3, padding="same", activation="relu")(x)


image = keras.Input((8, 8, 1))
large = convolve(image, 16)
middle = convolve(keras.layers.MaxPooling2D()(large), 32)
small = convolve(keras.layers.MaxPooling2D()(middle), 64)
rising = keras.layers.Concatenate()([keras.layers.UpSampling2D()(small), middle])
rising = convolve(rising, 32)
half_head = keras.layers.Conv2D(1, 1, name="half")(rising)
rising = keras.layers.Concatenate()([keras.layers.UpSampling2D()(rising), large])
full_head = keras.layers.Conv2D(1, 1, name="full")(convolve(rising, 16))
network = keras.Model(image, {"full": full_head, "half": half_head})


@keras.saving.register_keras_serializable()
def bce_and_dice(labels, logits):
    bce = keras.losses.binary_crossentropy(labels, logits, from_logits=True)
    probs = keras.ops.sigmoid(logits)
    hits = keras.ops.sum(labels * probs)
    dice = 1 - (2 * hits + 1) / (keras.ops.sum(labels) + keras.ops.sum(probs) + 1)
    return bce + 0.5 * dice


network.compile(
    keras.optimizers.Adam(2e-3),
    loss={"full": bce_and_dice, "half": keras.losses.BinaryCrossentropy(from_logits=True)},
    loss_weights={"full": 1.0, "half": 0.5},
)
network.fit(x, {"full": y, "half": y_half}, epochs=EPOCHS, verbose=0)

found, true = network.predict(x_test, verbose=0)["full"] > 0, y_test > 0
figure = (found & true).sum() / (found | true).sum()
print(f"intersection over union {figure:.4f}; of the noisy pixels above 1/2 ", end="")
print(f"{((x_test > 0.5) & true).sum() / ((x_test > 0.5) | true).sum():.4f}")
