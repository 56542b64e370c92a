"""The networks of the zoo: what people train, small enough for two cores.

Each member says how its network is built, what rows it is trained on, the formula, and the same
loss as a user of Keras writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.benchmarks.workloads import FORMULA, LEARNING_RATE, WORKLOADS

Arrays = np.ndarray | Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Member:
    """One network with its training.

    Attributes:
        name: for the command line and the table.
        about: layers and sizes.
        build: makes the network; its output is logits, or what is compared with the labels.
        rows: makes inputs and labels, holdout last; a dictionary where there are several.
        formula: what tfloss minimises.
        keras_loss: makes the same for `compile`.
        batch: rows per step.
        steps: per epoch.
        columns: of the inputs, those that only the formula reads.
        dispatch: whether launching the steps takes more time than computing them.
        optimizer: 'adam' or 'sgd'.
    """

    name: str
    about: str
    build: Callable[[], Any]
    rows: Callable[[int], tuple[Arrays, Any]]
    formula: str
    keras_loss: Callable[[], Any]
    batch: int
    steps: int
    columns: tuple[str, ...] = ()
    dispatch: bool = False
    optimizer: str = "adam"

    def data(self) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
        """Rows to train on, and one batch to evaluate on."""
        count = self.batch * self.steps
        x, y = self.rows(count + self.batch)
        return (_part(x, 0, count), _part(y, 0, count)), (_part(x, count), _part(y, count))

    def make_optimizer(self) -> Any:
        import keras

        if self.optimizer == "sgd":
            return keras.optimizers.SGD(LEARNING_RATE)
        return keras.optimizers.Adam(1e-3)

    def plain(self, x: Any, y: Any) -> tuple[Any, Any]:
        """The rows as Keras' `fit` takes them: what only the loss reads goes next to the labels."""
        if not self.columns:
            return x, y
        beside = [y, *(x[name] for name in self.columns)]
        return x["inputs"], np.concatenate(beside, axis=1)


def _part(arrays: Any, start: int, end: int | None = None) -> Any:
    if isinstance(arrays, Mapping):
        return {name: array[start:end] for name, array in arrays.items()}
    return arrays[start:end]


def _generator() -> np.random.Generator:
    return np.random.default_rng(0)


def _normal(count: int, *shape: int) -> np.ndarray:
    return _generator().normal(size=(count, *shape)).astype(np.float32)


def _signs(array: np.ndarray) -> np.ndarray:
    """(n, 1) labels that follow from the first value of each row."""
    return (array.reshape(len(array), -1)[:, :1] > 0).astype(np.float32)


def _one_hot(array: np.ndarray, classes: int) -> np.ndarray:
    """(n, classes) labels that follow from the values of each row."""
    codes = array.reshape(len(array), -1)[:, :classes].argmax(axis=1)
    return np.eye(classes, dtype=np.float32)[codes]


def _tokens(count: int, length: int, known: int) -> np.ndarray:
    return _generator().integers(known, size=(count, length)).astype(np.int32)


def _binary() -> Any:
    import keras

    return keras.losses.BinaryCrossentropy(from_logits=True)


def _categorical() -> Any:
    import keras

    return keras.losses.CategoricalCrossentropy(from_logits=True)


# -- the networks --------------------------------------------------------------------------------


def _mlp() -> Any:
    from keras import Input, Sequential, layers

    first = [layers.Dense(128), layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.3)]
    return Sequential([Input((50,)), *first, layers.Dense(64, "relu"), layers.Dense(1)])


def _tabular() -> Any:
    from keras import Input, Model, layers

    numbers = Input((10,), name="numbers")
    kinds = [Input((), dtype="int32", name=f"kind{i}") for i in range(4)]
    embedded = [layers.Embedding(100, 8)(kind) for kind in kinds]
    state = layers.Concatenate()([numbers, *embedded])
    for units in (128, 64):
        state = layers.Dropout(0.1)(layers.Dense(units, "relu")(state))
    return Model([numbers, *kinds], layers.Dense(1)(state))


def _tabular_rows(count: int) -> tuple[Arrays, Any]:
    numbers, kinds = _normal(count, 10), _tokens(count, 4, 100)
    return {"numbers": numbers} | {f"kind{i}": kinds[:, i] for i in range(4)}, _signs(numbers)


def _cnn() -> Any:
    from keras import Input, Sequential, layers

    inner = [
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dropout(0.5),
    ]
    return Sequential([Input((28, 28, 1)), *inner, layers.Dense(10)])


def _residual() -> Any:
    from keras import Input, Model, layers

    image = Input((16, 16, 3))
    state = layers.Conv2D(16, 3, padding="same")(image)
    for _ in range(3):
        inner = layers.ReLU()(layers.BatchNormalization()(state))
        inner = layers.Conv2D(16, 3, padding="same")(inner)
        inner = layers.ReLU()(layers.BatchNormalization()(inner))
        state = layers.Add()([state, layers.Conv2D(16, 3, padding="same")(inner)])
    pooled = layers.GlobalAveragePooling2D()(layers.ReLU()(state))
    return Model(image, layers.Dense(10)(pooled))


def _unet() -> Any:
    from keras import Input, Model, layers

    def convolved(state: Any, filters: int) -> Any:
        return layers.Conv2D(filters, 3, padding="same", activation="relu")(state)

    image = Input((32, 32, 1))
    large = convolved(image, 8)
    middle = convolved(layers.MaxPooling2D()(large), 16)
    small = convolved(layers.MaxPooling2D()(middle), 32)
    rising = layers.Concatenate()([layers.Conv2DTranspose(16, 2, 2)(small), middle])
    rising = convolved(rising, 16)
    rising = layers.Concatenate()([layers.Conv2DTranspose(8, 2, 2)(rising), large])
    return Model(image, layers.Conv2D(1, 1)(convolved(rising, 8)))


def _unet_rows(count: int) -> tuple[Arrays, Any]:
    images = _normal(count, 32, 32, 1)
    return images, (images > 0.5).astype(np.float32)


def _recurrent(kind: str) -> Callable[[], Any]:
    def build() -> Any:
        from keras import Input, Sequential, layers

        cell = getattr(layers, kind)(32)
        words = Input((50,), dtype="int32")
        return Sequential([words, layers.Embedding(1000, 32), cell, layers.Dense(1)])

    return build


def _sentences(length: int) -> Callable[[int], tuple[Arrays, Any]]:
    def rows(count: int) -> tuple[Arrays, Any]:
        words = _tokens(count, length, 1000)
        return words, (words[:, :1] > 500).astype(np.float32)

    return rows


def _transformer() -> Any:
    from keras import Input, Model, layers

    words = Input((32,), dtype="int32")
    state = layers.Embedding(1000, 64)(words)
    for _ in range(2):
        seen = layers.MultiHeadAttention(4, 16, dropout=0.1)(state, state)
        state = layers.LayerNormalization()(state + seen)
        inner = layers.Dropout(0.1)(layers.Dense(64)(layers.Dense(128, "relu")(state)))
        state = layers.LayerNormalization()(state + inner)
    return Model(words, layers.Dense(1)(layers.GlobalAveragePooling1D()(state)))


def _autoencoder() -> Any:
    from keras import Input, Sequential, layers

    inner = [layers.Dense(units, "relu") for units in (128, 32, 128)]
    return Sequential([Input((256,)), *inner, layers.Dense(256)])


def _autoencoder_rows(count: int) -> tuple[Arrays, Any]:
    rows = _normal(count, 256)
    return rows, rows


def _two_towers() -> Any:
    from keras import Input, Model, layers

    query, item = Input((32,), name="query"), Input((32,), name="item")
    towers = []
    for side in (query, item):
        hidden = layers.Dropout(0.2)(layers.Dense(128, "relu")(side))
        towers.append(layers.Dense(32)(hidden))
    return Model([query, item], layers.Dot(axes=1)(towers))


def _two_towers_rows(count: int) -> tuple[Arrays, Any]:
    both = _normal(count, 64)
    labels = (both[:, :1] * both[:, 32:33] > 0).astype(np.float32)
    return {"query": both[:, :32], "item": both[:, 32:]}, labels


def _student() -> Any:
    from keras import Input, Model, layers

    inputs = Input((50,), name="inputs")
    hidden = layers.Dense(64, "relu", name="hidden")(inputs)
    return Model(inputs, layers.Dense(1, name="out")(layers.Dense(32, "relu")(hidden)))


def _student_rows(count: int) -> tuple[Arrays, Any]:
    inputs = _normal(count, 50)
    matrix = _generator().normal(size=(50, 64)).astype(np.float32) / 7
    return {"inputs": inputs, "features": np.maximum(inputs @ matrix, 0)}, _signs(inputs)


def _sigmoid_units(name: str) -> Callable[[], Any]:
    def build() -> Any:
        from keras import Input, Model, layers

        workload = WORKLOADS[name]
        inputs = state = Input((workload.features,), name="inputs")
        for units in workload.hidden:
            state = layers.Dense(units, "sigmoid")(state)
        return Model(inputs, layers.Dense(1)(state))

    return build


def _taught_rows(name: str) -> Callable[[int], tuple[Arrays, Any]]:
    def rows(count: int) -> tuple[Arrays, Any]:
        columns = {key: part[:count] for key, part in WORKLOADS[name].columns().items()}
        return columns, columns.pop("labels")

    return rows


def _taught_loss() -> Any:
    from tests.benchmarks.peers_tensorflow import _terms

    def loss(y_true: Any, logits: Any) -> Any:
        first, second = _terms(logits, y_true[:, :1], y_true[:, 1:])
        return first + second

    return loss


def _article(name: str, dispatch: bool = False) -> Member:
    workload = WORKLOADS[name]
    return Member(
        name,
        f"{workload.shape}, sigmoid, a column of teacher's answers, SGD",
        _sigmoid_units(name),
        _taught_rows(name),
        FORMULA,
        _taught_loss,
        workload.batch,
        workload.steps_per_epoch,
        columns=("teacher",),
        dispatch=dispatch,
        optimizer="sgd",
    )


def _labelled(classes: int, *shape: int) -> Callable[[int], tuple[Arrays, Any]]:
    def rows(count: int) -> tuple[Arrays, Any]:
        inputs = _normal(count, *shape)
        return inputs, _signs(inputs) if classes == 1 else _one_hot(inputs, classes)

    return rows


def _mse() -> Any:
    import keras

    return keras.losses.MeanSquaredError()


MEMBERS = {
    member.name: member
    for member in (
        Member(
            "mlp",
            "50-128-64-1, BatchNormalization, Dropout",
            _mlp,
            _labelled(1, 50),
            "bce",
            _binary,
            128,
            40,
            dispatch=True,
        ),
        Member(
            "cnn",
            "28x28x1, convolutions 32 and 64, Dropout, 10 classes",
            _cnn,
            _labelled(10, 28, 28, 1),
            "ce",
            _categorical,
            64,
            10,
        ),
        Member(
            "transformer",
            "2 blocks of 64, 4 heads, 32 tokens",
            _transformer,
            _sentences(32),
            "bce",
            _binary,
            32,
            10,
        ),
        Member(
            "lstm", "LSTM 32, 50 steps", _recurrent("LSTM"), _sentences(50), "bce", _binary, 64, 10
        ),
        _article("A", dispatch=True),
        _article("B"),
        Member("unet", "32x32x1, 8-16-32-16-8", _unet, _unet_rows, "bce", _binary, 16, 10),
        Member(
            "tabular",
            "10 numbers, 4 embeddings of 8, 128-64-1, Dropout",
            _tabular,
            _tabular_rows,
            "bce",
            _binary,
            128,
            40,
            dispatch=True,
        ),
        Member(
            "distilled",
            "50-64-32-1 and its inner tensor taught",
            _student,
            _student_rows,
            "bce + 0.1*mse(hidden, features)",
            lambda: None,
            64,
            40,
            columns=("features",),
            dispatch=True,
        ),
        Member(
            "residual",
            "16x16x3, 3 blocks of 16, BatchNormalization",
            _residual,
            _labelled(10, 16, 16, 3),
            "ce",
            _categorical,
            32,
            10,
        ),
        Member(
            "gru", "GRU 32, 50 steps", _recurrent("GRU"), _sentences(50), "bce", _binary, 64, 10
        ),
        Member(
            "autoencoder",
            "256-128-32-128-256",
            _autoencoder,
            _autoencoder_rows,
            "mse",
            _mse,
            64,
            40,
            dispatch=True,
        ),
        Member(
            "towers",
            "two towers 32-128-32, Dropout, their product",
            _two_towers,
            _two_towers_rows,
            "bce",
            _binary,
            128,
            40,
            dispatch=True,
        ),
        _article("C"),
    )
}
