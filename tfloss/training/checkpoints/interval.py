"""How often a training saves what it has done."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from tfloss.errors import UsageError

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_FORM = re.compile(r"(?P<count>\d+(\.\d+)?)\s*(?P<unit>s|m|h|epochs?|steps?)")
_AUTO_SECONDS = 60.0
_AUTO_SHARE = 0.01  # of the time that saving may take, unless the user said how often


@dataclass(frozen=True)
class SaveInterval:
    """How much may lie between two checkpoints.

    Attributes:
        seconds, epochs, steps: at most one of them is not None; all None: nothing is saved before
            the end of a training, or its interruption.
        share: of all time that saving may take; 1 where the user said how often.
    """

    seconds: float | None = None
    epochs: int | None = None
    steps: int | None = None
    share: float = 1.0


def parse_interval(text: str) -> SaveInterval:
    """'auto', 'never', '90s', '5m', '1h', '10epochs' or '1000steps'.

    Raises:
        UsageError: anything else.
    """
    if text == "auto":
        return SaveInterval(seconds=_AUTO_SECONDS, share=_AUTO_SHARE)
    if text == "never":
        return SaveInterval()
    match = _FORM.fullmatch(text)
    count, unit = (float(match["count"]), match["unit"]) if match else (0.0, "")
    if unit in _SECONDS and count > 0:
        return SaveInterval(seconds=count * _SECONDS[unit])
    if unit and count >= 1 and count == int(count):
        return SaveInterval(**{"epochs" if unit.startswith("epoch") else "steps": int(count)})
    raise UsageError(
        f"Checkpoints cannot be written every '{text}'; say auto, never, 90s, 5m, 1h, 10epochs or "
        f"1000steps."
    )


class SaveSchedule:
    """Says when it is time, of one training.

    Args:
        every: how often.
        steps_per_epoch: turns epochs into steps.
        step: where the training begins.
    """

    def __init__(self, every: SaveInterval, steps_per_epoch: int, step: int = 0) -> None:
        steps = every.steps if every.epochs is None else every.epochs * steps_per_epoch
        self._steps, self._seconds, self._share = steps, every.seconds, every.share
        self._step, self._time, self._wait = step, time.monotonic(), every.seconds or 0.0

    @property
    def max_steps_per_call(self) -> int | None:
        """How many steps one call may train at most, so that none is overdue; None: any number."""
        return self._steps

    def steps_until_due(self, step: int) -> int | None:
        """How many steps may be trained after `step` before one is due; None: any number."""
        return None if self._steps is None else max(1, self._step + self._steps - step)

    def should_save(self, step: int) -> bool:
        """Whether it is time after so many steps."""
        if self._steps is not None:
            return step - self._step >= self._steps
        return self._seconds is not None and time.monotonic() - self._time >= self._wait

    def saved(self, step: int, took: float) -> None:
        """It was done now, and took so many seconds."""
        self._step, self._time = step, time.monotonic()
        self._wait = max(self._seconds or 0.0, took / self._share)
