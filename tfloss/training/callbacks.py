"""Keras callbacks, called as often as they look and no oftener."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfloss.lazy import keras

_BATCH_METHODS = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")


class Callbacks:
    """The callbacks of one training, told about the student and its optimizer.

    Args:
        callbacks: of Keras.
        model: the student.
        optimizer: the one that trains it.
        **params: what Keras tells them: epochs, steps, verbose.

    Attributes:
        see_epochs: whether there is any, so that the loop must stop after every epoch.
        see_batches: whether one looks at every batch, so that the loop must stop after every step.
    """

    def __init__(self, callbacks: Sequence[Any], model: Any, optimizer: Any, **params: Any) -> None:
        self.see_epochs = bool(callbacks)
        self.see_batches = any(map(_looks_at_batches, callbacks))
        self._model = model
        if callbacks:
            model.optimizer = optimizer  # where callbacks look for the learning rate
            model.stop_training = False
            self._list = keras.callbacks.CallbackList(list(callbacks), model=model, **params)

    def __getattr__(self, event: str) -> Any:
        """`on_epoch_end(…)` and the like: nothing happens where there are no callbacks."""
        if not event.startswith("on_"):
            raise AttributeError(event)
        return getattr(self._list, event) if self.see_epochs else lambda *_args, **_logs: None

    @property
    def want_to_stop(self) -> bool:
        return self.see_epochs and bool(self._model.stop_training)


def _looks_at_batches(callback: Any) -> bool:
    """Whether a callback has methods of its own that Keras calls around every batch."""
    return any(_own(callback, method) for method in _BATCH_METHODS)


def _own(callback: Any, method: str) -> bool:
    found = getattr(callback, method)
    function = getattr(found, "__func__", found)  # LambdaCallback's are no methods
    if function is getattr(keras.callbacks.Callback, method):
        return False
    return not (_idle_between_epochs(callback) and _of_keras(function))


def _idle_between_epochs(callback: Any) -> bool:
    """Whether one of Keras' callbacks that can look at batches was told to look at epochs."""
    often = (getattr(callback, option, None) for option in ("save_freq", "update_freq"))
    profiles = getattr(callback, "_should_trace", False)
    timed = getattr(callback, "write_steps_per_second", False)
    return "epoch" in often and not (profiles or timed)


def _of_keras(function: Any) -> bool:
    return str(getattr(function, "__module__", "")).startswith("keras.")
