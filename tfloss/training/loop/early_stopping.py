"""Early stopping: by the total on rows that do not train; the weights of its least are kept.

Keras' own `EarlyStopping` watches and puts the weights back; in front of it stands a callback that
evaluates the rows. Both hold plain values only, so that checkpoints carry them like any callback.
"""

from __future__ import annotations

from collections.abc import Sequence

from tfloss.lazy import keras, tf
from tfloss.training.program.batch import Batch
from tfloss.training.program.compiler import Compiled
from tfloss.training.program.evaluate import Evaluation
from tfloss.training.program.step import TrainStep

LOG = "validation_loss"  # what callbacks see it as


class EarlyStopping:
    """Stops one training where validation rows have not been predicted better for a while.

    Args:
        step: whose model and loss are evaluated.
        rows: that do not train.
        patience: how many epochs without an improvement are waited for.

    Attributes:
        callbacks: of Keras, to stand in front of the user's.
    """

    def __init__(self, step: TrainStep, rows: Batch, patience: int) -> None:
        self._step, self._rows = step, rows
        how = "graph" if step.compiled_as == "xla" else step.compiled_as
        evaluation = Evaluation(step.forward, rows.specs())
        self._total = Compiled(evaluation, how, progress=step.optimizer.iterations.numpy)
        # Held by the callback, since checkpoints save what callbacks hold.
        self._watch = keras.callbacks.LambdaCallback(on_epoch_end=self._evaluate)
        self._watch.totals = []
        self._stop = keras.callbacks.EarlyStopping(
            LOG, patience=patience, mode="min", restore_best_weights=True
        )
        self.callbacks = [self._watch, self._stop]

    def _evaluate(self, epoch: int, logs: dict[str, float]) -> None:
        steps = tf.constant((epoch + 1) * self._step.steps_per_epoch)
        total = float(self._total(steps, self._rows.leaves())[0])
        self._watch.totals.append(total)
        logs[LOG] = total

    @property
    def totals(self) -> Sequence[float]:
        """The total on the rows after each epoch."""
        return tuple(self._watch.totals)

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights are kept, counted from 1."""
        return int(self._stop.best_epoch) + 1

    def sentence(self, trained: int, most: int) -> str:
        """What happened, for people.

        Args:
            trained: the number of the last epoch.
            most: up to which it could have gone.
        """
        rows = int(self._rows.tensors["inputs"].shape[0])
        ended = "Stopped early, after" if trained < most else "Not stopped before"
        return (
            f"{ended} epoch {trained} of {most}; kept are the weights of epoch {self.best_epoch}, "
            f"where the total on {rows} validation rows was least."
        )
