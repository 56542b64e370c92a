"""A variational autoencoder on digits, in plain Keras: a training step and trackers of one's own.

Prints the negative evidence lower bound on held-out digits, in nats. EPOCHS=60 python vae.py
"""

import os

import keras
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

EPOCHS = int(os.environ.get("EPOCHS", "60"))
keras.utils.set_random_seed(0)
pixels = load_digits().data.astype("float32") / 16
train, test = train_test_split(pixels, random_state=0)


class VAE(keras.Model):
    def __init__(self):
        super().__init__()
        layers = keras.layers
        self.encoder = keras.Sequential([layers.Dense(128, "relu"), layers.Dense(16)])
        self.decoder = keras.Sequential([layers.Dense(128, "relu"), layers.Dense(64)])
        self.seeds = keras.random.SeedGenerator(0)
        self.trackers = [keras.metrics.Mean(name=name) for name in ("loss", "bce", "kl")]

    @property
    def metrics(self):
        return self.trackers

    def call(self, inputs):
        return self.coded(inputs)[0]

    def coded(self, inputs):
        mean, log_variance = keras.ops.split(self.encoder(inputs), 2, axis=-1)
        noise = keras.random.normal(keras.ops.shape(mean), seed=self.seeds)
        logits = self.decoder(mean + keras.ops.exp(log_variance / 2) * noise)
        return logits, mean, log_variance

    def losses_of(self, inputs):
        logits, mean, log_variance = self.coded(inputs)
        per_pixel = tf.nn.sigmoid_cross_entropy_with_logits(labels=inputs, logits=logits)
        bce = tf.reduce_mean(tf.reduce_sum(per_pixel, axis=-1))
        terms = mean**2 + tf.exp(log_variance) - log_variance - 1
        kl = tf.reduce_mean(tf.reduce_sum(terms, axis=-1) / 2)
        return bce + kl, bce, kl

    def track(self, values, rows):
        for tracker, value in zip(self.trackers, values, strict=True):
            tracker.update_state(value, sample_weight=rows)
        return {tracker.name: tracker.result() for tracker in self.trackers}

    def train_step(self, inputs):
        with tf.GradientTape() as tape:
            values = self.losses_of(inputs)
        gradients = tape.gradient(values[0], self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        return self.track(values, tf.shape(inputs)[0])

    def test_step(self, inputs):
        return self.track(self.losses_of(inputs), tf.shape(inputs)[0])


model = VAE()
model.compile(keras.optimizers.Adam(2e-3))
model.fit(train, epochs=EPOCHS, verbose=0)
scores = model.evaluate(test, verbose=0, return_dict=True)
figure = scores["loss"]
print(f"negative ELBO {figure:.2f} nats, of which KL {scores['kl']:.2f}")
