"""The trainings that are timed: sizes, rows from a fixed seed, and the first weights."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

LEARNING_RATE = 0.05
TEACHER_WEIGHT = 0.1
FORMULA = f"bce + {TEACHER_WEIGHT}*abs_kl"


@dataclass(frozen=True)
class Workload:
    """One training of sigmoid units with plain gradient descent on `FORMULA`.

    Attributes:
        name: 'A'.
        features: columns of the inputs.
        hidden: units of each hidden layer; one logit follows.
        batch: rows per step; it divides `rows`, so that no peer has a remainder to deal with.
        rows: training rows.
        holdout: rows evaluated after each epoch, about half a batch's work per epoch.
    """

    name: str
    features: int
    hidden: tuple[int, ...]
    batch: int
    rows: int
    holdout: int

    @property
    def steps_per_epoch(self) -> int:
        return self.rows // self.batch

    @property
    def shape(self) -> str:
        return "-".join(map(str, (self.features, *self.hidden, 1)))

    def columns(self) -> dict[str, np.ndarray]:
        """`inputs`, `labels` and `teacher` of all rows, the holdout's last; float32."""
        generator = np.random.default_rng(0)
        rows = self.rows + self.holdout
        inputs = generator.normal(size=(rows, self.features)).astype(np.float32)
        score = inputs @ generator.normal(size=(self.features, 1)) / np.sqrt(self.features)
        labels = (score + 0.3 * generator.normal(size=score.shape) > 0).astype(np.float32)
        teacher = (1 / (1 + np.exp(-2 * score))).astype(np.float32)
        return {"inputs": inputs, "labels": labels, "teacher": teacher}

    def weights(self) -> list[np.ndarray]:
        """Kernel and bias of each layer in turn, float32."""
        generator = np.random.default_rng(1)
        widths = (self.features, *self.hidden, 1)
        weights = []
        for inputs, outputs in pairwise(widths):
            limit = np.sqrt(6 / (inputs + outputs))
            weights.append(generator.uniform(-limit, limit, (inputs, outputs)).astype(np.float32))
            weights.append(np.zeros(outputs, np.float32))
        return weights


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("A", 30, (10, 10), batch=5, rows=500, holdout=5),
        Workload("B", 100, (256, 256), batch=256, rows=5120, holdout=256),
        Workload("C", 784, (1024, 1024), batch=512, rows=5120, holdout=512),
    )
}
