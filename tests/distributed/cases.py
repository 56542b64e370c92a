"""Small trainings under a strategy, or none; what they return is plain, to be sent as JSON."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

import tfloss
from tfloss.data import Columns, PreparedData

FEATURES = 5


def data(
    rows: int = 23,
    *,
    missing: Sequence[int] = (),
    weighted: bool = False,
    bad: Sequence[int] = (),
) -> PreparedData:
    """A quantity, with labels missing in some rows, sample weights, and rows that hold NaN."""
    rng = np.random.default_rng(3)
    parts = []
    for count in (rows, 9):
        inputs = rng.normal(size=(count, FEATURES)).astype(np.float32)
        values = {
            "inputs": inputs,
            "labels": (inputs[:, :1] * inputs[:, 1:2] + inputs[:, 2:3]).astype(np.float32),
            "other": rng.normal(size=(count, 1)).astype(np.float32),
        }
        weight = rng.uniform(0.5, 2, size=count).astype(np.float32) if weighted else None
        parts.append((values, weight))
    (train, weight), (holdout, _) = parts
    present = {}
    if len(missing):
        there = np.ones(rows, bool)
        there[list(missing)] = False
        train["labels"] = np.where(there[:, None], train["labels"], 0)
        present["labels"] = there
    train["other"][list(bad)] = np.nan
    names = tuple(f"x{number}" for number in range(FEATURES))
    return PreparedData(
        Columns(train, present=present, sample_weight=weight),
        Columns(holdout),
        "regression",
        None,
        names,
        None,
    )


def fit(
    strategy: Any,
    formula: str = "mse",
    *,
    model: str = "mlp:4",
    optimizer: str = "sgd:learning_rate=0.1",
    in_scope: bool = False,
    rows: int = 23,
    missing: Sequence[int] = (),
    weighted: bool = False,
    bad: Sequence[int] = (),
    batch_size: int = 8,
    epochs: int = 2,
    **options: Any,
) -> dict[str, Any]:
    """`tfloss.fit`, with the strategy as an argument or by its scope."""
    given = data(rows, missing=missing, weighted=weighted, bad=bad)
    scope = strategy.scope() if in_scope and strategy is not None else contextlib.nullcontext()
    with warnings.catch_warnings(record=True) as caught, scope:
        warnings.simplefilter("always")
        result = tfloss.fit(
            formula,
            given,
            model,
            optimizer=optimizer,
            batch_size=batch_size,
            epochs=epochs,
            strategy=None if in_scope else strategy,
            on_progress=None,
            **options,
        )
    return told(result, caught)


def told(result: Any, caught: Sequence[Any] = ()) -> dict[str, Any]:
    """Weights, what losses hold, the history and how it was computed, as plain values."""
    variables = {**{v.path: v for v in result.student.model.variables}}
    variables |= result.objective.variables
    return {
        "weights": [np.asarray(v).tolist() for v in variables.values()],
        "train": [epoch.train for epoch in result.history],
        "holdout": [epoch.holdout for epoch in result.history],
        "scores": result.scores,
        "compiled_as": result.compiled_as,
        "because": result.compiled_because,
        "events": result.events,
        "warnings": [str(one.message) for one in caught],
    }


def assert_same(found: dict[str, Any], expected: dict[str, Any], rtol: float = 2e-5) -> None:
    """The same weights and logged values, to rounding."""
    for one, other in zip(found["weights"], expected["weights"], strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=2e-6)
    for part in ("train", "holdout"):
        for here, there in zip(found[part], expected[part], strict=True):
            assert list(here) == list(there)
            for name in here:
                np.testing.assert_allclose(here[name], there[name], rtol=rtol, atol=2e-6)


def dataset(rows: int = 40) -> Any:
    """A stream of rows as `data` has them, in elements of seven."""
    import tensorflow as tf

    columns = data(rows).train.values
    return tf.data.Dataset.from_tensor_slices(columns).batch(7)


def fit_stream(strategy: Any, formula: str = "mse + 0.1*mae(other)") -> dict[str, Any]:
    """`tfloss.fit_stream` with a holdout."""
    result = tfloss.fit_stream(
        formula,
        dataset(),
        "mlp:4",
        task="regression",
        steps_per_epoch=4,
        batch_size=9,
        epochs=2,
        holdout=data().holdout.values,
        strategy=strategy,
    )
    return told(result)


def network(*, normalized: bool = False, random: bool = False) -> Any:
    """A Keras model of one's own, always with the same weights."""
    import keras

    keras.utils.set_random_seed(4)
    layers: list[Any] = [keras.Input((FEATURES,)), keras.layers.Dense(6, "tanh", name="inner")]
    if normalized:
        layers.append(keras.layers.BatchNormalization(synchronized=True))
    if random:
        layers += [keras.layers.Dropout(0.5), keras.layers.GaussianNoise(0.2)]
    regularizer = keras.regularizers.L2(0.01)
    layers.append(keras.layers.Dense(1, kernel_regularizer=regularizer))
    return keras.Sequential(layers)


def fit_model(
    strategy: Any, door: str = "fit_model", formula: str = "mse + 0.1*mse(inner, 0*inner)"
) -> dict[str, Any]:
    """A model of one's own, normalized and with random layers, through one of three doors."""
    import keras

    scope = strategy.scope() if strategy is not None else contextlib.nullcontext()
    given = data(20, missing=[0, 1, 2, 11])
    x = given.train.inputs
    y = np.where(given.train.present["labels"][:, None], given.train.labels, np.nan)
    with scope:
        model = network(normalized=True, random=True)
        attached = tfloss.attach(model, formula, task="regression")
        metrics = [keras.metrics.MeanAbsoluteError(name="error")]
        attached.compile(keras.optimizers.Adam(0.01), metrics=metrics, jit_compile=False)
    keras.utils.set_random_seed(5)
    held = given.holdout.inputs, given.holdout.labels
    options: dict[str, Any] = {"epochs": 2, "batch_size": 8, "validation_data": held}
    if door == "fit_model":
        history = tfloss.fit_model(attached, (x, y), **options).history
    else:
        history = attached.fit(x, y, verbose=0, **options).history
    return {
        "weights": [np.asarray(value).tolist() for value in model.get_weights()],
        "train": [{name: np.asarray(values).tolist() for name, values in history.items()}],
        "holdout": [],
    }


def fit_linear(strategy: Any, *, gather: bool = True) -> dict[str, Any]:
    """A line on weighted rows, some without a label, plus the variance of its values."""
    import keras
    import tensorflow as tf

    @tfloss.loss(per="batch")
    def variance(logits: Any) -> Any:
        """The mean squared distance from the mean."""
        return tf.math.reduce_variance(logits)

    with strategy.scope():
        layer = keras.layers.Dense(1, kernel_initializer="ones")
        model = keras.Sequential([keras.Input((FEATURES,)), layer])
    result = tfloss.fit(
        "mse + 0.5*variance",
        data(11, missing=[0, 1, 2, 9], weighted=True),
        model,
        optimizer="sgd:learning_rate=0.1",
        batch_size=6,
        batches="sequential",
        epochs=3,
        losses=[variance],
        strategy=strategy,
        gather=gather,
    )
    return told(result)


def interrupted(
    strategy: Any, folder: str, *, at: int | None = None, resume: bool = False
) -> dict[str, Any] | None:
    """A training of four epochs with checkpoints; `at`: the epoch whose end breaks it off."""
    import keras

    class Breaking(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == at:
                raise KeyboardInterrupt

    try:
        return fit(
            strategy,
            "mse + 0.1*mae",
            optimizer="adam",
            epochs=4,
            callbacks=[Breaking()],
            checkpoint=folder,
            checkpoint_every="1epochs",
            resume=resume,
        )
    except KeyboardInterrupt:
        return None


def refused(strategy: Any, **training: Any) -> str:
    """The sentence that ends a training."""
    try:
        fit(strategy, **training)
    except tfloss.TflossError as error:
        return str(error)
    return "nothing"


def fit_as_on_tpus(strategy: Any, **training: Any) -> dict[str, Any]:
    """Replicas that do not know which they are while they are traced, as on a TPU."""
    from unittest.mock import patch

    with patch("tfloss.training.program.replication.static_number", lambda context: None):
        return fit(strategy, **training)
