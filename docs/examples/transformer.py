"""A Transformer distilled layer by layer: a third of the labels, all of the teacher's inner states.

The student has one narrow head where the teacher has four wide ones; its blocks follow the
teacher's. Prints its accuracy on held-out digits. EPOCHS=30 python transformer.py
"""

import os

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import tfloss

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

labelled = np.where(np.arange(len(y)) % 3 == 0, y, np.nan)
layer_by_layer = " + ".join(f"mse(teacher.block{i}, block{i})" for i in (1, 2))
student = transformer(heads=1, width=8)
model = tfloss.attach(student, f"ce + kd(temperature=2) + {layer_by_layer}", teacher=teacher)
model.compile(keras.optimizers.Adam(1e-3))
model.fit(x, labelled, epochs=EPOCHS, verbose=0)

figure = (model.predict(x_test, verbose=0).argmax(1) == y_test).mean()
reached = (teacher.predict(x_test, verbose=0).argmax(1) == y_test).mean()
print(f"accuracy of the student {figure:.4f}, of the teacher {reached:.4f}; ", end="")
print(f"weights {student.count_params()} for {teacher.count_params()}")
