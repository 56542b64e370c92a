"""Small trainings that are stopped, and digests of what they leave."""

from __future__ import annotations

import hashlib
from typing import Any

import keras

from tfloss.training.checkpoints.manager import Checkpoints


def student(layer: str, features: int = 30) -> Any:
    """A small network with random or normalising layers, the same weights each time."""
    keras.utils.set_random_seed(5)
    between = {
        "dropout": [keras.layers.Dropout(0.3), keras.layers.GaussianNoise(0.1)],
        "norm": [keras.layers.BatchNormalization()],
    }[layer]
    return keras.Sequential(
        [
            keras.Input((features,)),
            keras.layers.Dense(6, activation="tanh", name="hidden"),
            *between,
            keras.layers.Dense(1),
        ]
    )


def digest_of_state(result: Any) -> str:
    """SHA-256 of all weights, seeds of layers and variables of losses."""
    digest = hashlib.sha256()
    for variable in [*result.student.model.variables, *result.objective.variables.values()]:
        digest.update(variable.numpy().tobytes())
    return digest.hexdigest()


class StoppedAt(Checkpoints):
    """As if Ctrl-C came after so many steps."""

    def __init__(self, step: int, folder: Any, **options: Any) -> None:
        super().__init__(folder, **options)
        self._stop = step
        self.stopped_at = 0

    def should_save(self, step: int) -> bool:
        if step >= self._stop and not self.stopped_at:
            self.interrupts.signal, self.stopped_at = 2, step
        return super().should_save(step)
