"""Numbers that are not finite end a training, and never reach its weights."""

from __future__ import annotations

import numpy as np

from tfloss.errors import NumericsError
from tfloss.training.engine import ChunkLog
from tfloss.training.steps import Steps


def refuse_bad(steps: Steps, log: ChunkLog, first_step: int, before: list[np.ndarray]) -> None:
    """Put the weights back to `before` and raise, where numbers are not finite."""
    if log.bad is not None or not steps.weights_are_finite():
        steps.restore(before)
        raise NumericsError(_diagnosis(steps, log, first_step))


def _diagnosis(engine: Steps, log: ChunkLog, first_step: int) -> str:
    remedy = "Lower the learning rate or a coefficient, or check the data of that term."
    kept = f"The weights are those of step {first_step}."
    if log.bad is None:
        return f"A weight stopped being finite after step {first_step}. {kept} {remedy}"
    step, values = log.bad
    culprits = [
        name
        for name, value in zip(engine.measure.names, values[1:], strict=True)
        if not np.isfinite(value)
    ]
    named = " and ".join(f"'{name}'" for name in culprits) or "the sum of the terms"
    return f"At step {step} the value of {named} is not a finite number. {kept} {remedy}"
