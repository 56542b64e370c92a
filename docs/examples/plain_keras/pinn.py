"""A physics-informed network for the damped oscillator, in plain Keras: nested tapes.

Prints the largest error against the exact solution on [0, 1]. EPOCHS=10000 python pinn.py
"""

import os

import keras
import numpy as np
import tensorflow as tf

EPOCHS = int(os.environ.get("EPOCHS", "10000"))
D, W = 1.0, 8.0
keras.utils.set_random_seed(0)
t = np.linspace(0, 1, 128, dtype=np.float32)[:, None]
layers = [keras.layers.Dense(32, "tanh") for _ in range(3)]
network = keras.Sequential([keras.Input((1,)), *layers, keras.layers.Dense(1)])


class Oscillator(keras.Model):
    def __init__(self, network):
        super().__init__()
        self.network = network
        names = ("loss", "position", "slope", "equation")
        self.trackers = [keras.metrics.Mean(name=name) for name in names]

    @property
    def metrics(self):
        return self.trackers

    def call(self, inputs):
        return self.network(inputs)

    def losses_of(self, times):
        with tf.GradientTape() as outer:
            outer.watch(times)
            with tf.GradientTape() as inner:
                inner.watch(times)
                x = self.network(times)
            velocity = inner.gradient(x, times)
        acceleration = outer.gradient(velocity, times)
        start = tf.cast(times == 0, tf.float32)
        position = tf.reduce_sum(start * (x - 1) ** 2)
        slope = 0.1 * tf.reduce_sum(start * velocity**2)
        residual = acceleration + 2 * D * velocity + W**2 * x
        equation = 1e-4 * tf.reduce_mean(residual**2)
        return position + slope + equation, position, slope, equation

    def train_step(self, times):
        with tf.GradientTape() as tape:
            values = self.losses_of(times)
        gradients = tape.gradient(values[0], self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        for tracker, value in zip(self.trackers, values, strict=True):
            tracker.update_state(value)
        return {tracker.name: tracker.result() for tracker in self.trackers}


model = Oscillator(network)
model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, EPOCHS)))
model.fit(tf.data.Dataset.from_tensors(t).repeat(EPOCHS), verbose=0)

w = np.sqrt(W**2 - D**2)
exact = np.exp(-D * t) * (np.cos(w * t) + D / w * np.sin(w * t))
figure = np.abs(model.predict(t, verbose=0) - exact).max()
print(f"largest error {figure:.5f}, of an amplitude of 1")
