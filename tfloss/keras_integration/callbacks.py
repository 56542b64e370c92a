"""What callbacks of Keras need to know about terms, and a line for every epoch."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from tfloss.lazy import keras


def say_direction(callbacks: Iterable[Any], terms: Sequence[str]) -> None:
    """Tell callbacks that watch a term, `EarlyStopping("val_kl")`, that less of it is better.

    Keras finds that out for the metrics that it made itself, and refuses other names.
    """
    for callback in callbacks:
        watched = str(getattr(callback, "monitor", "")).removeprefix("val_")
        if watched in terms and getattr(callback, "mode", None) == "auto":
            callback.mode = "min"


def listed_callbacks(given: Any) -> list[Any]:
    """One callback, nested lists of them, Keras' `CallbackList` or None as one list."""
    if isinstance(given, keras.callbacks.CallbackList):
        return list(given.callbacks)
    return [one for one in keras.tree.flatten(given) if one is not None]


class EpochLines(keras.callbacks.Callback):
    """Prints the values after every epoch; looks at no batch, so that it costs nothing."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        seconds = time.perf_counter() - self._started
        values = " - ".join(f"{name}: {value:.4f}" for name, value in (logs or {}).items())
        print(f"Epoch {epoch + 1}/{self.params['epochs']} - {seconds:.2f} s - {values}", flush=True)
