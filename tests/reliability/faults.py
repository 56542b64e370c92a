"""A training into which every kind of number that is not finite can be put, in one program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import tfloss
from tests.training.engine_builders import columns, engine_of, mlp
from tfloss.data import Columns

NEVER = -1
CLEAN = 20  # rows without a fault come first
STEPS, BATCH = 10, 5
FORMULA = "bce + 0.1*abs_kl + breaking()*brittle"

# What the program reads while it runs: where a coefficient, a loss or a gradient breaks, and how.
STEP = {name: tf.Variable(NEVER) for name in ("coefficient", "loss", "gradient")}
VALUE = tf.Variable(np.nan, dtype=tf.float32)
SEEN = tf.Variable(0)  # the step, from the schedule


@tfloss.schedule
def breaking(step):
    """0.5, but for the step at which the coefficient is to break."""
    step = tf.cast(step, tf.int32)
    SEEN.assign(step)
    return tf.where(tf.equal(step, STEP["coefficient"]), VALUE, 0.5)


@tf.custom_gradient
def with_breaking_gradient(x, fault):
    return x, lambda upstream: (upstream * fault, None)


@tfloss.loss
def brittle(labels, logits):
    """A squared error whose value, or whose gradient alone, breaks at a step."""
    fault = tf.where(tf.equal(SEEN, STEP["gradient"]), VALUE, 1.0)
    error = with_breaking_gradient(logits - labels, fault)
    value = tf.where(tf.equal(SEEN, STEP["loss"]), VALUE, 0.0)
    return tf.reduce_sum(error**2, axis=-1) + value


@dataclass(frozen=True)
class Fault:
    """One injection.

    Attributes:
        where: 'inputs', 'labels', 'teacher', 'coefficient', 'loss' or 'gradient'.
        step: at which it is met.
        value: what is put there.
        feature: of the inputs.
    """

    where: str
    step: int
    value: float
    feature: int = 0

    def __str__(self) -> str:
        return f"{self.where}-{self.step}-{self.value}-{self.feature}"


BAD = (np.nan, np.inf, -np.inf)
FAULTS = [
    *(Fault("inputs", step, value, f) for value in BAD for step, f in ((0, 0), (3, 2), (4, 5))),
    *(Fault("inputs", 9, 3e38, f) for f in (0, 1, 2)),
    *(Fault("labels", step, value) for value in BAD for step in (0, 5, 9)),
    *(Fault("teacher", s, value) for value in BAD[:2] for s in (1, 4, 9)),  # -inf is clipped to 0
    *(Fault("teacher", step, np.nan) for step in (0, 6, 7)),
    *(Fault("coefficient", step, value) for value in BAD for step in (0, 6)),
    *(Fault("loss", step, value) for value in BAD for step in (0, 4, 7)),
    *(Fault("gradient", step, value) for value in (np.nan, np.inf) for step in (2, 8)),
    Fault("gradient", 9, -np.inf),
]


def poisoned() -> Columns:
    """Clean rows, and one behind them for each fault of the data."""
    faults = [fault for fault in FAULTS if fault.where in ("inputs", "labels", "teacher")]
    data = columns(CLEAN + len(faults), seed=3)
    for number, fault in enumerate(faults, start=CLEAN):
        column = data.values[fault.where]
        if abs(fault.value) == np.inf or np.isnan(fault.value):
            column[number, fault.feature if fault.where == "inputs" else 0] = fault.value
        else:
            column[number] = fault.value  # finite, but the network's answer is not
    return data


class World:
    """One engine for all faults; `inject` says what the next training meets.

    Attributes:
        model: the student.
    """

    def __init__(self, registry: Any, **options: Any) -> None:
        registry = tfloss.Registry(registry.plugins).add(breaking, brittle)
        self.model = mlp(lambda: [keras.layers.Dense(4, "relu")])
        self.data = poisoned()
        self.engine = engine_of(
            registry, self.model, train=self.data, formula=FORMULA, batch_size=BATCH, **options
        )
        self._start = self.engine.snapshot()

    def inject(self, fault: Fault | None) -> tuple[np.ndarray, int | None]:
        """Everything anew, with this fault; the order of the rows, and the row that is bad."""
        self.engine.restore(self._start)
        for step in STEP.values():
            step.assign(NEVER)
        order = np.random.default_rng(1).integers(CLEAN, size=(1, len(self.data)), dtype=np.int32)
        order[0] = np.arange(len(self.data)) % CLEAN
        if fault is None:
            return order, None
        VALUE.assign(fault.value)
        if fault.where in STEP:
            STEP[fault.where].assign(fault.step)
            return order, None
        faults = [fault for fault in FAULTS if fault.where in ("inputs", "labels", "teacher")]
        row = CLEAN + faults.index(fault)
        order[0, fault.step * BATCH + 2] = row
        return order, row


assert len(FAULTS) == 50
