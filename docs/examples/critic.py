"""A GAN's discriminator with gradient penalty: it tells digits from samples of a Gaussian.

One critic is called on real, fake and mixed rows; the penalty is on its slope at the mixed ones.
Prints the Wasserstein distance that it finds on held-out rows. EPOCHS=80 python critic.py
"""

import os

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import train_test_split

import tfloss
from tfloss import tf

EPOCHS = int(os.environ.get("EPOCHS", "80"))
keras.utils.set_random_seed(0)
pixels = load_digits().data.astype("float32") / 16
train, test = train_test_split(pixels, random_state=0)
gaussian = GaussianMixture(1, reg_covar=1e-4, random_state=0).fit(train)


def rows(real):
    """Real digits, as many fakes, and points on the lines between them."""
    fake = gaussian.sample(len(real))[0].astype("float32")
    share = np.random.default_rng(0).random((len(real), 1), np.float32)
    return {"real": real, "fake": fake, "mixed": share * real + (1 - share) * fake}


@tfloss.loss(range=(None, None))
def gap(on_real, on_fake):
    """How much higher fakes are rated: (batch, 1) each; returns (batch,)."""
    return (on_fake - on_real)[:, 0]


@tfloss.loss
def unit_slope(slope):
    """(|slope| - 1)², slope: (batch, k); returns (batch,). Source: Gulrajani et al. 2017."""
    return (tf.sqrt(tf.reduce_sum(slope**2, axis=-1) + 1e-12) - 1) ** 2


critic = keras.Sequential([keras.layers.Dense(128, "swish"), keras.layers.Dense(1)], name="critic")
inputs = {name: keras.Input((64,), name=name) for name in ("real", "fake", "mixed")}
network = keras.Model(inputs, {f"on_{name}": critic(tensor) for name, tensor in inputs.items()})
formula = "gap + 10*unit_slope(grad(on_mixed, mixed))"
model = tfloss.attach(network, formula, losses=[gap, unit_slope])
model.compile(keras.optimizers.Adam(1e-3))
model.fit(rows(train), epochs=EPOCHS, verbose=0)
scores = model.evaluate(rows(test), verbose=0, return_dict=True)
figure, penalty = -scores["gap"], scores["unit_slope(grad(on_mixed, mixed))"] / 10
print(f"Wasserstein distance {figure:.3f}; the slope differs from 1 by {penalty**0.5:.3f}")
