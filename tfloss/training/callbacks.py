"""Keras callbacks, called as often as they look and no oftener."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfloss.lazy import keras

_BATCH_METHODS = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")


class Callbacks:
    """The callbacks of one training, told about the student and its optimizer.

    Attributes:
        see_epochs: whether there is any, so that the loop must stop after every epoch.
        see_batches: whether one looks at every batch, so that the loop must stop after every step.
    """

    def __init__(self, callbacks: Sequence[Any], model: Any, optimizer: Any) -> None:
        self.see_epochs = bool(callbacks)
        self.see_batches = any(map(_looks_at_batches, callbacks))
        self._model = model
        if callbacks:
            model.optimizer = optimizer  # where callbacks look for the learning rate
            model.stop_training = False
            self._list = keras.callbacks.CallbackList(list(callbacks), model=model)

    def __getattr__(self, event: str) -> Any:
        """`on_epoch_end(…)` and the like: nothing happens where there are no callbacks."""
        if not event.startswith("on_"):
            raise AttributeError(event)
        return getattr(self._list, event) if self.see_epochs else lambda *_args, **_logs: None

    @property
    def want_to_stop(self) -> bool:
        return self.see_epochs and bool(self._model.stop_training)


def _looks_at_batches(callback: Any) -> bool:
    """Whether a callback overrides what Keras calls around every batch."""
    return any(
        getattr(type(callback), method) is not getattr(keras.callbacks.Callback, method)
        for method in _BATCH_METHODS
    )
