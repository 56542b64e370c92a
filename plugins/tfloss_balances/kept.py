"""What several balances remember from step to step: numbers, one for each member."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tfloss import LossVariable


def kept(**initial: float) -> Callable[[int, Mapping[str, Any]], dict[str, LossVariable]]:
    """Declares variables that no optimizer changes, (m,) each, with the value they begin with."""

    def state(members: int, settings: Mapping[str, Any]) -> dict[str, LossVariable]:
        return {
            name: LossVariable((members,), value, trainable=False)
            for name, value in initial.items()
        }

    return state
