"""A physics-informed network for the damped oscillator x'' + 2dx' + w²x = 0, x(0)=1, x'(0)=0.

Labels and slopes are known at t = 0 only (NaN elsewhere); the equation is a term of the formula.
Prints the largest error against the exact solution on [0, 1]. EPOCHS=10000 python pinn.py
"""

import os

import keras
import numpy as np

import tfloss

EPOCHS = int(os.environ.get("EPOCHS", "10000"))
D, W = 1.0, 8.0
keras.utils.set_random_seed(0)
t = np.linspace(0, 1, 128, dtype=np.float32)[:, None]
position, slope = np.full_like(t, np.nan), np.full_like(t, np.nan)
position[0], slope[0] = 1, 0
layers = [keras.layers.Dense(32, "tanh") for _ in range(3)]
network = keras.Sequential([keras.Input((1,)), *layers, keras.layers.Dense(1)])

velocity = "grad(prediction, inputs)"
equation = f"grad({velocity}, inputs) + {2 * D}*{velocity} + {W**2}*prediction"
formula = f"mse + 0.1*mse(slope, {velocity}) + 1e-4*mse({equation}, 0*prediction)"
model = tfloss.attach(network, formula, columns=["slope"])
model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, EPOCHS)))
tfloss.fit_model(model, (t, {"labels": position, "slope": slope}), epochs=EPOCHS, batch_size=len(t))

w = np.sqrt(W**2 - D**2)
exact = np.exp(-D * t) * (np.cos(w * t) + D / w * np.sin(w * t))
figure = np.abs(model.predict(t, verbose=0) - exact).max()
print(f"largest error {figure:.5f}, of an amplitude of 1")
