"""A variational autoencoder on digits: two inner tensors named by `tap`, and a loss of one's own.

Prints the negative evidence lower bound on held-out digits, in nats. EPOCHS=60 python vae.py
"""

import os

import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import tfloss
from tfloss import tf

EPOCHS = int(os.environ.get("EPOCHS", "60"))
keras.utils.set_random_seed(0)
pixels = load_digits().data.astype("float32") / 16
train, test = train_test_split(pixels, random_state=0)


@tfloss.loss
def kl_to_normal(z_mean, z_log_variance):
    """Distance of the code from a standard normal: (batch, k) each; returns (batch,)."""
    terms = z_mean**2 + tf.exp(z_log_variance) - z_log_variance - 1
    return tf.reduce_sum(terms, axis=-1) / 2


class VAE(keras.Model):
    def __init__(self):
        super().__init__()
        layers = keras.layers
        self.encoder = keras.Sequential([layers.Dense(128, "relu"), layers.Dense(16)])
        self.decoder = keras.Sequential([layers.Dense(128, "relu"), layers.Dense(64)])
        self.seeds = keras.random.SeedGenerator(0)

    def call(self, inputs):
        mean, log_variance = keras.ops.split(self.encoder(inputs), 2, axis=-1)
        tfloss.tap("z_mean", mean)
        tfloss.tap("z_log_variance", log_variance)
        noise = keras.random.normal(keras.ops.shape(mean), seed=self.seeds)
        return self.decoder(mean + keras.ops.exp(log_variance / 2) * noise)


model = tfloss.attach(VAE(), "64*bce(inputs, logits) + kl_to_normal", losses=[kl_to_normal])
model.compile(keras.optimizers.Adam(2e-3))
model.fit(train, epochs=EPOCHS, verbose=0)
scores = model.evaluate(test, verbose=0, return_dict=True)
figure = scores["loss"]
print(f"negative ELBO {figure:.2f} nats, of which KL {scores['kl_to_normal']:.2f}")
