"""Small models of the kinds in Keras' guides and examples, each written from its task.

Every function returns a `Case`: how to build the network, its data, the formula, and Keras' loss.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers, ops

RNG = np.random.default_rng(0)
ROWS = 8
TABLE = RNG.normal(size=(ROWS, 5)).astype("float32")
YES = RNG.integers(0, 2, ROWS)
KINDS = RNG.integers(0, 3, ROWS)
AMOUNT = RNG.normal(size=(ROWS, 1)).astype("float32")
WORDS = RNG.integers(1, 12, (ROWS, 6))
SERIES = RNG.normal(size=(ROWS, 8, 2)).astype("float32")
IMAGES = RNG.uniform(size=(ROWS, 8, 8, 3)).astype("float32")
EDGES = (RNG.uniform(size=(ROWS, 4, 4)) > 0.6).astype("float32")

BCE = "binary_crossentropy"
CE = "sparse_categorical_crossentropy"
LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
YES_LOGITS = keras.losses.BinaryCrossentropy(from_logits=True)


class Case(NamedTuple):
    """One model with its data and its two losses."""

    build: Callable[[], Any]
    x: Any
    y: Any
    formula: str
    loss: Any
    options: dict[str, Any] = {}  # noqa: RUF012


CASES: dict[str, Case] = {}


def case(x: Any, y: Any, formula: str, loss: Any, **options: Any) -> Callable[[Any], Any]:
    """Put a network into the zoo under its function's name."""

    def add(build: Callable[[], Any]) -> Callable[[], Any]:
        CASES[build.__name__] = Case(build, x, y, formula, loss, options)
        return build

    return add


# -- functional -----------------------------------------------------------------------------------


@case(TABLE, YES, "bce", BCE)
def table_with_normalization():
    source = keras.Input((5,))
    x = layers.BatchNormalization()(layers.Dense(6, "relu")(source))
    return keras.Model(source, layers.Dense(1, "sigmoid")(x))


@case(TABLE, KINDS, "ce", CE)
def residual_classifier():
    source = keras.Input((5,))
    x = layers.Dense(5, "gelu")(source)
    x = layers.LayerNormalization()(layers.Add()([x, source]))
    return keras.Model(source, layers.Dense(3, "softmax")(x))


@case(TABLE, AMOUNT, "huber", "huber", task="regression")
def regression_with_weight_decay():
    source = keras.Input((5,))
    x = layers.Dense(4, "tanh", kernel_regularizer=keras.regularizers.L2(0.01))(source)
    return keras.Model(source, layers.Dense(1)(x))


@case({"left": TABLE, "right": WORDS}, YES, "bce", BCE)
def numbers_and_categories():
    left, right = keras.Input((5,), name="left"), keras.Input((6,), name="right", dtype="int32")
    words = layers.Flatten()(layers.Embedding(12, 2)(right))
    x = layers.Concatenate()([left, words])
    return keras.Model({"left": left, "right": right}, layers.Dense(1, "sigmoid")(x))


@case(
    TABLE, {"kind": KINDS, "amount": AMOUNT},
    "ce(kind.labels, kind.logits) + mse(amount.labels, amount)",
    {"kind": LOGITS, "amount": "mse"},
)  # fmt: skip
def two_tasks():
    source = keras.Input((5,))
    x = layers.Dense(6, "relu")(source)
    kind, amount = layers.Dense(3, name="kind")(x), layers.Dense(1, name="amount")(x)
    return keras.Model(source, {"kind": kind, "amount": amount})


@case(TABLE, YES, "bce", YES_LOGITS)
def wide_and_deep():
    source = keras.Input((5,))
    deep = layers.Dense(4, "relu")(layers.Dense(6, "relu")(source))
    return keras.Model(source, layers.Dense(1)(layers.Concatenate()([source, deep])))


@case([TABLE, TABLE[::-1]], AMOUNT, "mse", "mse", task="regression")
def siamese():
    encoder = keras.Sequential([keras.Input((5,)), layers.Dense(3, "tanh")], name="encoder")
    left, right = keras.Input((5,)), keras.Input((5,))
    apart = ops.abs(encoder(left) - encoder(right))
    return keras.Model([left, right], layers.Dense(1)(apart))


@case(TABLE, KINDS, "ce", LOGITS)
def mixture_of_experts():
    source = keras.Input((5,))
    gate = layers.Dense(2, "softmax")(source)
    experts = [layers.Dense(3)(source) for _ in range(2)]
    mixed = ops.sum(ops.stack(experts, 1) * ops.expand_dims(gate, -1), 1)
    return keras.Model(source, layers.Identity()(mixed))


# -- subclassing ----------------------------------------------------------------------------------


@case(TABLE, YES, "bce", BCE)
def subclassed_network():
    class Network(keras.Model):
        def __init__(self):
            super().__init__()
            self.first = layers.Dense(4, "relu")
            self.last = layers.Dense(1, "sigmoid")

        def call(self, inputs):
            return self.last(self.first(inputs))

    return Network()


@case(TABLE, AMOUNT, "mae", "mae", task="regression")
def layer_with_a_loss_of_its_own():
    class Sparse(layers.Layer):
        def call(self, inputs):
            self.add_loss(0.1 * ops.mean(ops.abs(inputs)))
            return inputs

    source = keras.Input((5,))
    return keras.Model(source, layers.Dense(1)(Sparse()(layers.Dense(4)(source))))


@case(TABLE, KINDS, "ce", LOGITS)
def layer_with_weights_of_its_own():
    class Scaled(layers.Layer):
        def build(self, shape):
            self.scale = self.add_weight(shape=(shape[-1],), initializer="ones")

        def call(self, inputs):
            return inputs * self.scale

    return keras.Sequential([keras.Input((5,)), Scaled(), layers.Dense(3)])


@case({"left": TABLE, "right": TABLE}, YES, "bce", BCE)
def subclassed_of_a_dictionary():
    class Network(keras.Model):
        def __init__(self):
            super().__init__()
            self.last = layers.Dense(1, "sigmoid")

        def call(self, inputs):
            return self.last(inputs["left"] * inputs["right"])

    return Network()


@case(TABLE, YES, "bce", YES_LOGITS)
def frozen_encoder():
    encoder = keras.Sequential([keras.Input((5,)), layers.Dense(4, "relu")])
    encoder.trainable = False
    source = keras.Input((5,))
    return keras.Model(source, layers.Dense(1)(encoder(source)))


# -- sequences ------------------------------------------------------------------------------------


@case(WORDS, YES, "bce", BCE)
def bag_of_words():
    return keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            layers.Embedding(12, 3),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1, "sigmoid"),
        ]
    )


@case(np.where(np.arange(6) < 4, WORDS, 0), YES, "bce", BCE)
def masked_recurrent_classifier():
    embedded = layers.Embedding(12, 3, mask_zero=True)
    return keras.Sequential(
        [keras.Input((6,), dtype="int32"), embedded, layers.LSTM(3), layers.Dense(1, "sigmoid")]
    )


@case(WORDS, YES, "bce", BCE)
def bidirectional_classifier():
    recurrent = layers.Bidirectional(layers.GRU(2))
    return keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            layers.Embedding(12, 3),
            recurrent,
            layers.Dense(1, "sigmoid"),
        ]
    )


@case(WORDS, YES, "bce", BCE)
def convolutional_text_classifier():
    return keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            layers.Embedding(12, 3),
            layers.Conv1D(4, 3, activation="relu"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(1, "sigmoid"),
        ]
    )


def _transformer(source, causal):
    x = layers.Embedding(12, 4)(source)
    attended = layers.MultiHeadAttention(2, 2)(x, x, use_causal_mask=causal)
    return layers.LayerNormalization()(x + attended)


@case(WORDS, KINDS, "ce", CE)
def transformer_classifier():
    source = keras.Input((6,), dtype="int32")
    x = layers.GlobalAveragePooling1D()(_transformer(source, causal=False))
    return keras.Model(source, layers.Dense(3, "softmax")(x))


@case(WORDS[:, :-1], WORDS[:, 1:], "ce", LOGITS)
def language_model():
    source = keras.Input((5,), dtype="int32")
    return keras.Model(source, layers.Dense(12)(_transformer(source, causal=True)))


@case(WORDS, WORDS % 3, "ce", CE)
def tagger_of_words():
    source = keras.Input((6,), dtype="int32")
    x = layers.LSTM(3, return_sequences=True)(layers.Embedding(12, 3)(source))
    return keras.Model(source, layers.Dense(3, "softmax")(x))


@case([WORDS, WORDS[:, :4]], WORDS[:, 1:5], "ce", LOGITS)
def translation():
    source, target = keras.Input((6,), dtype="int32"), keras.Input((4,), dtype="int32")
    _, state = layers.GRU(3, return_state=True)(layers.Embedding(12, 3)(source))
    x = layers.Embedding(12, 3)(target)
    x = layers.GRU(3, return_sequences=True)(x, initial_state=state)
    return keras.Model([source, target], layers.Dense(12)(x))


# -- time series ----------------------------------------------------------------------------------


@case(SERIES, AMOUNT, "mse", "mse", task="regression")
def forecast_by_convolutions():
    return keras.Sequential(
        [
            keras.Input((8, 2)),
            layers.Conv1D(3, 3, dilation_rate=2, padding="causal", activation="relu"),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1),
        ]
    )


@case(SERIES[:, :-2], SERIES[:, -2:, 0], "mae", "mae", task="regression")
def forecast_of_several_steps():
    return keras.Sequential([keras.Input((6, 2)), layers.LSTM(3), layers.Dense(2)])


@case(SERIES, SERIES, "mse", "mse", task="regression")
def anomalies_by_an_autoencoder():
    return keras.Sequential(
        [
            keras.Input((8, 2)),
            layers.Conv1D(3, 3, strides=2, padding="same", activation="relu"),
            layers.Conv1DTranspose(2, 3, strides=2, padding="same"),
        ]
    )


@case(SERIES, YES, "bce", BCE)
def classifier_of_series():
    source = keras.Input((8, 2))
    x = layers.Conv1D(3, 3, padding="same")(source)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    return keras.Model(source, layers.Dense(1, "sigmoid")(layers.GlobalAveragePooling1D()(x)))


# -- vision ---------------------------------------------------------------------------------------


@case(IMAGES, KINDS, "ce", CE)
def convolutional_classifier():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(3, "softmax"),
        ]
    )


@case(IMAGES, KINDS, "ce", LOGITS)
def separable_network_with_a_shortcut():
    source = keras.Input((8, 8, 3))
    x = layers.SeparableConv2D(3, 3, padding="same")(layers.Rescaling(2.0, -1.0)(source))
    x = layers.Add()([layers.BatchNormalization()(x), source])
    return keras.Model(source, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


@case(IMAGES, KINDS, "ce", LOGITS)
def vision_transformer():
    source = keras.Input((8, 8, 3))
    patches = layers.Reshape((4, 4))(layers.Conv2D(4, 4, strides=4)(source))
    attended = layers.MultiHeadAttention(2, 2)(patches, patches)
    return keras.Model(source, layers.Dense(3)(layers.Flatten()(patches + attended)))


@case(IMAGES, KINDS, "ce", LOGITS)
def mixer_of_patches():
    source = keras.Input((8, 8, 3))
    x = layers.Reshape((4, 4))(layers.Conv2D(4, 4, strides=4)(source))
    mixed = layers.Permute((2, 1))(layers.Dense(4, "gelu")(layers.Permute((2, 1))(x)))
    return keras.Model(source, layers.Dense(3)(layers.GlobalAveragePooling1D()(x + mixed)))


@case(IMAGES, (IMAGES[..., 0] > 0.5).astype("int32"), "ce", CE)
def segmentation_by_a_small_u_net():
    source = keras.Input((8, 8, 3))
    down = layers.Conv2D(3, 3, strides=2, padding="same", activation="relu")(source)
    up = layers.Conv2DTranspose(3, 3, strides=2, padding="same")(down)
    return keras.Model(source, layers.Conv2D(2, 1, activation="softmax")(up + source))


@case(IMAGES[:, ::2, ::2], IMAGES, "mse", "mse", task="regression")
def super_resolution():
    return keras.Sequential(
        [keras.Input((4, 4, 3)), layers.UpSampling2D(), layers.Conv2D(3, 3, padding="same")]
    )


@case(IMAGES, RNG.uniform(size=(ROWS, 4)).astype("float32"), "mae", "mae", task="regression")
def box_of_an_object():
    source = keras.Input((8, 8, 3))
    x = layers.GlobalMaxPooling2D()(layers.Conv2D(4, 3, activation="relu")(source))
    return keras.Model(source, layers.Dense(4)(x))


@case([TABLE.reshape(ROWS, 5, 1)[:, :4], EDGES], KINDS, "ce", LOGITS)
def graph_convolution():
    nodes, edges = keras.Input((4, 1)), keras.Input((4, 4))
    x = layers.Dense(4, "relu")(ops.matmul(edges, nodes))
    return keras.Model([nodes, edges], layers.Dense(3)(layers.GlobalAveragePooling1D()(x)))


# -- generative -----------------------------------------------------------------------------------


@case(TABLE, TABLE, "mse", "mse", task="regression")
def variational_autoencoder():
    class Sampled(layers.Layer):
        def __init__(self):
            super().__init__()
            self.seeds = keras.random.SeedGenerator(1)

        def call(self, inputs):
            mean, log_variance = inputs
            divergence = 1 + log_variance - mean**2 - ops.exp(log_variance)
            self.add_loss(-0.05 * ops.mean(ops.sum(divergence, 1)))
            noise = keras.random.normal(ops.shape(mean), seed=self.seeds)
            return mean + ops.exp(0.5 * log_variance) * noise

    source = keras.Input((5,))
    code = Sampled()([layers.Dense(2)(source), layers.Dense(2)(source)])
    return keras.Model(source, layers.Dense(5)(code))


@case(IMAGES + 0.1, IMAGES, "mse", "mse", task="regression")
def denoising_autoencoder():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(3, 3, padding="same", activation="relu"),
            layers.Dropout(0.2, seed=3),
            layers.Conv2D(3, 3, padding="same"),
        ]
    )


@case(WORDS[:, :-1], WORDS[:, 1:], "ce", LOGITS)
def recurrent_text_generator():
    return keras.Sequential(
        [
            keras.Input((5,), dtype="int32"),
            layers.Embedding(12, 3),
            layers.GRU(4, return_sequences=True),
            layers.Dense(12),
        ]
    )


@case(
    [IMAGES, RNG.uniform(size=(ROWS, 1)).astype("float32")], IMAGES, "mse", "mse",
    task="regression",
)  # fmt: skip
def diffusion_step():
    image, noise_level = keras.Input((8, 8, 3)), keras.Input((1,))
    told = layers.Reshape((1, 1, 3))(layers.Dense(3, "swish")(noise_level))
    return keras.Model([image, noise_level], layers.Conv2D(3, 3, padding="same")(image + told))
