"""One small training by each door that keeps checkpoints, to hold the doors to the same promises.

    python -m tests.reliability.doors DOOR FOLDER

trains in a process of its own, goes on with what the folder holds, and prints the weights' SHA-256.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

import tfloss

X = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)
DATA = tfloss.load_data((X, Y), train_size=64, scale="none")
FORMULA = "bce + 0.1*mae"
EPOCHS = 4

Weights = list[np.ndarray]


class Power(keras.callbacks.Callback):
    """Fails at the end of an epoch, before anything of it is saved; counts those that ended."""

    def __init__(self, at: int = 99) -> None:
        super().__init__()
        self.at, self.ended = (at,), ([],)  # tuples: no state that a checkpoint keeps

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch in self.at:
            raise Cut
        self.ended[0].append(epoch)

    @property
    def seen(self) -> int:
        return len(self.ended[0])


class Cut(Exception):  # noqa: N818
    """The power is gone."""


def network() -> Any:
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(4, "tanh"), keras.layers.Dropout(0.3), keras.layers.Dense(1)]
    return keras.Sequential([keras.Input((3,)), *layers])


def fit(
    folder: Path | None, callbacks: Sequence[Any] = (), formula: str = FORMULA, **options: Any
) -> Weights:
    model = network()
    tfloss.fit(formula, DATA, model, callbacks=callbacks, **_kept(folder, options))
    return _weights(model)


def fit_stream(
    folder: Path | None, callbacks: Sequence[Any] = (), formula: str = FORMULA, **options: Any
) -> Weights:
    model = network()
    rows = {"inputs": X, "labels": Y[:, None].astype(np.float32)}
    data = tf.data.Dataset.from_tensor_slices(rows).batch(32)
    options = {"steps_per_epoch": 2, **_kept(folder, options)}
    tfloss.fit_stream(formula, data, model, callbacks=callbacks, **options)
    return _weights(model)


def fit_model(
    folder: Path | None, callbacks: Sequence[Any] = (), formula: str = FORMULA, **options: Any
) -> Weights:
    model = network()
    options = {"shuffle": False, **_kept(folder, options)}
    tfloss.fit_model(model, (X, Y), formula, callbacks=list(callbacks), **options)
    return _weights(model)


def attach(
    folder: Path | None, callbacks: Sequence[Any] = (), formula: str = FORMULA, **options: Any
) -> Weights:
    model = tfloss.attach(network(), formula)
    model.compile("adam", run_eagerly=options.pop("compile", "eager") == "eager")
    kept = [] if folder is None else [tfloss.Checkpoint(folder, every="1epoch")]
    options = {"epochs": EPOCHS, **options}
    watching = [*callbacks, *kept]
    model.fit(X, Y, batch_size=32, shuffle=False, verbose=0, callbacks=watching, **options)
    return _weights(model.model)


DOORS: dict[str, Callable[..., Weights]] = {
    "fit": fit,
    "fit_stream": fit_stream,
    "fit_model": fit_model,
    "attach": attach,
}


def _kept(folder: Path | None, options: dict[str, Any]) -> dict[str, Any]:
    options = {"epochs": EPOCHS, "batch_size": 32, "compile": "eager", **options}
    if folder is None:
        return options
    return {"checkpoint": folder, "checkpoint_every": "1epochs", "resume": True, **options}


def _weights(model: Any) -> Weights:
    return [np.asarray(value) for value in model.get_weights()]


def digest(weights: Weights) -> str:
    found = hashlib.sha256()
    for values in weights:
        found.update(values.tobytes())
    return found.hexdigest()


def main() -> None:
    door, folder = sys.argv[1:]
    print("begins", flush=True)
    # Long enough to be killed in the midst of it: some seconds.
    print(digest(DOORS[door](Path(folder), [Power()], epochs=400, compile="graph")), flush=True)


if __name__ == "__main__":
    main()
