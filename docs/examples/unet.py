"""A U-Net with deep supervision: find the ink of digits under noise, at full and at half size.

Both heads have labels of their own; the full one is judged by two losses.
Prints the intersection over union on held-out images. EPOCHS=15 python unet.py
"""

import os

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import tfloss

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

formula = (
    "bce(full.labels, full.logits) + 0.5*dice(full.labels, full.logits)"
    " + 0.5*bce(half.labels, half.logits)"
)
model = tfloss.attach(network, formula)
model.compile(keras.optimizers.Adam(2e-3))
model.fit(x, {"full": y, "half": y_half}, epochs=EPOCHS, verbose=0)

found, true = model.predict(x_test, verbose=0)["full"] > 0, y_test > 0
figure = (found & true).sum() / (found | true).sum()
print(f"intersection over union {figure:.4f}; of the noisy pixels above 1/2 ", end="")
print(f"{((x_test > 0.5) & true).sum() / ((x_test > 0.5) | true).sum():.4f}")
