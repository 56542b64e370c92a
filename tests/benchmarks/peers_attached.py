"""An attached model trained by Keras' `fit` and by `tfloss.fit`, on the engine's workloads."""

from __future__ import annotations

import time
from typing import Any

from tests.benchmarks.peers_tensorflow import Train, _model, _split
from tests.benchmarks.workloads import FORMULA, LEARNING_RATE, Workload


def attached_fit(workload: Workload, **compile_options: Any) -> Train:
    """Keras' own `fit` of the attached model."""
    model, data = _attached(workload, compile_options)
    (x, y), holdout = data
    return lambda epochs: model.fit(
        x,
        y,
        batch_size=workload.batch,
        epochs=epochs,
        verbose=0,
        validation_data=holdout,
        validation_batch_size=workload.holdout,
    )


def fast_fit(workload: Workload, watched: str = "") -> Train:
    """`tfloss.fit` of the same; from the end of its first chunk on, since it compiles in it.

    Args:
        workload: what is trained.
        watched: 'epochs' or 'batches': what a callback looks at.
    """
    import tfloss

    model, data = _attached(workload, {})
    train, holdout = data

    def run(epochs: int) -> float:
        with _Chunks(workload) as clock:
            tfloss.fit_model(
                model,
                train,
                batch_size=workload.batch,
                epochs=max(epochs, 2),
                validation_data=holdout,
                validation_batch_size=workload.holdout,
                callbacks=_callbacks(watched),
                compile="xla",  # what 'auto' chooses for a training that is worth timing
            )
        return clock.rate

    return run


def _attached(workload: Workload, compile_options: dict[str, Any]) -> tuple[Any, Any]:
    import keras

    import tfloss

    model = tfloss.attach(_model(workload), FORMULA, columns=["teacher"])
    model.compile(keras.optimizers.SGD(LEARNING_RATE), **compile_options)
    parts = [
        ({"inputs": part["inputs"], "teacher": part["teacher"]}, part["labels"])
        for part in _split(workload)
    ]
    return model, parts


def _callbacks(watched: str) -> list[Any]:
    import keras

    if watched == "epochs":
        return [keras.callbacks.EarlyStopping("val_loss", patience=10**6)]
    if watched == "batches":
        return [keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)]
    return []


class _Chunks:
    """Knows the steps per second of `tfloss.fit` after its first chunk of epochs."""

    def __init__(self, workload: Workload) -> None:
        self._steps_per_epoch = workload.steps_per_epoch
        self._seen: list[tuple[int, float]] = []

    def __enter__(self) -> _Chunks:
        from tfloss.training.history import History

        self._own = own = History.extend

        def timed(history: Any, first: int, train: Any, holdout: Any) -> None:
            own(history, first, train, holdout)
            self._seen.append((first + len(train) - 1, time.perf_counter()))

        History.extend = timed
        return self

    def __exit__(self, *error: object) -> None:
        from tfloss.training.history import History

        History.extend = self._own

    @property
    def rate(self) -> float:
        (first, began), (last, ended) = self._seen[0], self._seen[-1]
        return (last - first) * self._steps_per_epoch / (ended - began)
