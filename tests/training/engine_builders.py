"""Small trainings for the engine, and the same trainings written out by hand, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfloss.data import Columns
from tfloss.objective import Entry, Objective, Scope
from tfloss.registry import Registry
from tfloss.student import wrap_model
from tfloss.training.loop.in_memory import Engine
from tfloss.training.loop.shuffling import BatchOrder
from tfloss.training.program.batch import as_tensors
from tfloss.training.program.forward import StudentLoss

FEATURES = 6
FORMULA = "bce + 0.1*abs_kl"


def columns(rows: int = 23, seed: int = 0) -> Columns:
    """Inputs, labels and a teacher's answers."""
    generator = np.random.default_rng(seed)
    inputs = generator.normal(size=(rows, FEATURES)).astype(np.float32)
    labels = (inputs.sum(axis=1, keepdims=True) > 0).astype(np.float32)
    teacher = generator.uniform(0.1, 0.9, size=(rows, 1)).astype(np.float32)
    return Columns({"inputs": inputs, "labels": labels, "teacher": teacher})


def one_layer() -> list[Any]:
    return [keras.layers.Dense(4, activation="sigmoid")]


def mlp(layers: Callable[[], list[Any]] = one_layer) -> Any:
    """A model of these layers and one logit, the same weights each time."""
    keras.utils.set_random_seed(5)  # before the layers are made: their initializers draw seeds
    return keras.Sequential([keras.Input((FEATURES,)), *layers(), keras.layers.Dense(1)])


def loss_of(model: Any, formula: str, registry: Registry) -> StudentLoss:
    student = wrap_model(model)
    outside = Scope(
        [Entry(name, "data", (None, 1), known_outside=True) for name in ("labels", "teacher")]
    )
    return StudentLoss(student, Objective(formula, registry, student.scope() | outside))


def engine_of(
    registry: Registry,
    model: Any,
    *,
    optimizer: Any = None,
    train: Columns | None = None,
    holdout: Columns | None = None,
    formula: str = FORMULA,
    batch_size: int = 5,
    **options: Any,
) -> Engine:
    forward = loss_of(model, formula, registry)
    needs = forward.objective.needs
    return Engine(
        forward,
        optimizer or keras.optimizers.SGD(0.1),
        as_tensors(columns() if train is None else train, needs),
        None if holdout is None else as_tensors(holdout, needs),
        batch_size=batch_size,
        **options,
    )


def order_of(engine: Engine, epochs: int, first: int = 0) -> np.ndarray:
    return BatchOrder(engine.rows, engine.batch_size, seed=1).epochs(first, epochs)


def run_steps(engine: Engine, order: np.ndarray) -> list[np.ndarray]:
    """Every epoch step by step; the logs, (1 + terms,) each."""
    logs = []
    for number, rows in enumerate(order):
        state = engine.start(tf.constant(number * engine.steps_per_epoch))
        for start in range(0, len(rows), engine.batch_size):
            state = engine.run_step(rows[start : start + engine.batch_size], state, "stop")
        logs.append((state.sums / engine.rows).numpy())
    return logs


def by_hand(
    model: Any,
    optimizer: Any,
    data: Columns,
    order: np.ndarray,
    batch_size: int,
    loss: Callable[..., Any] | None = None,
) -> np.ndarray:
    """The plain loop: one eager step per batch; the loss of each step."""
    losses = []
    optimizer.build(model.trainable_variables)
    for rows in order:
        for start in range(0, len(rows), batch_size):
            batch = {k: v[rows[start : start + batch_size]] for k, v in data.values.items()}
            with tf.GradientTape() as tape:
                logits = model(batch["inputs"], training=True)
                value = (loss or article_loss)(batch["labels"], logits, batch["teacher"])
            gradients = tape.gradient(value, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            losses.append(float(value))
    return np.array(losses)


def article_loss(labels: Any, logits: Any, teacher: Any) -> Any:
    """`bce + 0.1*abs_kl`, from Keras' cross-entropy and probabilities."""
    bce = keras.losses.BinaryCrossentropy(from_logits=True)(labels, logits)
    probs = tf.sigmoid(logits)
    return bce + 0.1 * tf.abs(tf.reduce_sum(probs * tf.math.log(probs / teacher)))


def assert_same_weights(model: Any, other: Any, atol: float = 1e-6) -> None:
    for ours, theirs in zip(model.variables, other.variables, strict=True):
        if ours.dtype.startswith("float"):  # the seeds of random layers are whole numbers
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=0, atol=atol)
