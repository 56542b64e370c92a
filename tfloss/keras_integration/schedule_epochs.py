"""Schedules in epochs, and the guard against NaN, need to know how many steps an epoch has."""

from __future__ import annotations

from typing import Any

from tfloss.errors import UsageError
from tfloss.keras_integration.binding import Bound
from tfloss.keras_integration.guarded_steps import GuardedSteps
from tfloss.lazy import keras


class TellSteps(keras.callbacks.Callback):
    """Tells a formula and the guard the number of steps per epoch, which Keras knows at the start.

    Args:
        bound: the formula.
        guarded: the guard.
        given: what the user said, or None.
    """

    def __init__(self, bound: Bound, guarded: GuardedSteps, given: int | None) -> None:
        super().__init__()
        self._guarded = guarded
        self._bound = bound
        self._given = given

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._guarded.warn_of_nothing()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._guarded.begin_epoch(self.params.get("steps"))

    def on_train_begin(self, logs: Any = None) -> None:
        if not self._bound.counts_epochs:
            return
        steps = self._given or self.params.get("steps")
        if steps is None:
            raise UsageError(
                f"The formula '{self._bound.text}' has a schedule in epochs, and Keras cannot "
                f"count the steps of these data; say steps_per_epoch= to attach."
            )
        if self._bound.tell_steps(steps) and self.model.train_function is not None:
            self.model.make_train_function(force=True)
