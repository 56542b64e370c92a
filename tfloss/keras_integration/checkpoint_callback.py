"""`tfloss.Checkpoint`: Keras' `fit` of an attached model, resumed to the same bytes."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfloss.errors import UsageError
from tfloss.io.atomic import remove_leftovers
from tfloss.io.checked_npz import write_checked
from tfloss.io.lock import FolderLock
from tfloss.lazy import keras
from tfloss.student.keras_internals import begin_at_epoch
from tfloss.training.checkpoints.fingerprint import (
    model_fingerprint,
    networks_fingerprint,
    require_same_run,
    versions_fingerprint,
)
from tfloss.training.checkpoints.interval import SaveSchedule, parse_interval
from tfloss.training.checkpoints.names import EPOCHS
from tfloss.training.checkpoints.newest import read_newest
from tfloss.training.loop.callbacks import load_state, state_of


class Checkpoint(keras.callbacks.Callback):
    """Saves the training of an attached model, and resumes it where it was interrupted.

    The same program, started again, goes on after the last saved epoch: weights, what losses hold,
    optimizer, learning rate, random layers, the other callbacks (patience, best weights) and the
    history are as they were, so that the result is that of a training that was never interrupted.

        model.fit(x, y, epochs=100, callbacks=[tfloss.Checkpoint("checkpoints")])

    The order of the rows is Keras' own: arrays without `shuffle`, or with a seed
    (`keras.utils.set_random_seed`), come in the same order again; a dataset that is reshuffled in
    every epoch begins with its first order.

    Args:
        folder: where they are written; made where there is none.
        every: 'auto' (every minute, with at most a hundredth of the time), '10epochs', '90s', '5m';
            asked at the end of an epoch. The last epoch is always saved.

    Raises:
        UsageError: the model is not attached or has no weights yet, `every` counts steps, or the
            folder holds the checkpoints of another training.
    """

    def __init__(self, folder: str | Path, every: str = "auto") -> None:
        super().__init__()
        self._folder = Path(folder)
        self._every = parse_interval(every)
        if self._every.steps is not None:
            raise UsageError(
                f"A training of Keras is saved at the end of an epoch, not every '{every}'; say "
                f"every='1epoch'."
            )
        self._others: Sequence[Any] = ()
        self._lock: FolderLock | None = None
        self._history: dict[str, list[float]] = {}
        self._epochs: list[int] = []
        self._ended = False

    def watch(self, others: Sequence[Any]) -> None:
        """Take the callbacks whose state is saved as well; this one is called after them."""
        self._others = others

    # -- Keras' events ---------------------------------------------------------------------------

    def on_train_begin(self, logs: Any = None) -> None:
        _refuse_unbuilt(self.model)
        self._take_folder()
        found = read_newest(self._files(), self._folder)
        epoch = self._restore(*found) if found is not None else 0
        self._schedule = SaveSchedule(self._every, 1, epoch)
        begin_at_epoch(self.model, self.params["epochs"] if self._ended else epoch)
        self._resumed = found is not None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._show_history()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._epochs.append(epoch)
        for name, value in (logs or {}).items():
            self._history.setdefault(name, []).append(float(value))
        self._ended = bool(self.model.stop_training)
        done = epoch + 1
        if self._ended or done == self.params["epochs"] or self._schedule.should_save(done):
            started = time.perf_counter()
            self._save(done)
            self._schedule.saved(done, time.perf_counter() - started)

    def on_train_end(self, logs: Any = None) -> None:
        self._show_history()
        begin_at_epoch(self.model, 0)

    def close(self) -> None:
        """Let others use the folder."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _show_history(self) -> None:
        """Put the epochs of before into Keras' history, which has begun again by now."""
        if self._resumed:
            self.model.history.epoch[:0] = self._epochs
            self.model.history.history.update(
                {name: list(values) for name, values in self._history.items()}
            )
            self._resumed = False

    # -- the files -------------------------------------------------------------------------------

    def _take_folder(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock = FolderLock(self._folder, "is training")
            self._lock.acquire()
            remove_leftovers(self._folder)
        except OSError as error:
            raise UsageError(f"'{self._folder}' cannot be written: {error.strerror}.") from error

    def _files(self) -> list[Path]:
        return EPOCHS.files(self._folder)

    def _save(self, epoch: int) -> None:
        arrays = {f"state:{n}": v.numpy() for n, v in enumerate(self._variables())}
        held, plain = state_of(self._others)
        arrays |= {f"callbacks:{name}": values for name, values in held.items()}
        about = {
            "fingerprint": self._fingerprint(),
            "loss_variables": self.model.loss_variable_shapes,
            "epoch": epoch,
            "ended": self._ended,
            "callbacks": plain,
            "history": self._history,
            "epochs": self._epochs,
        }
        try:
            write_checked(EPOCHS.path(self._folder, epoch), arrays, about)
        except OSError as error:
            warnings.warn(
                f"The checkpoint of epoch {epoch} cannot be written in '{self._folder}': "
                f"{error.strerror or error}. The training goes on.",
                stacklevel=2,
            )
            return
        EPOCHS.remove_old(self._folder)

    def _restore(self, arrays: dict[str, np.ndarray], about: Any) -> int:
        """Put everything back; returns the epochs done."""
        require_same_run(about["fingerprint"], self._fingerprint(), self._folder)
        self.model.make_loss_variables(about["loss_variables"])
        for number, variable in enumerate(self._variables()):
            variable.assign(arrays[f"state:{number}"])
        held = {k[10:]: v for k, v in arrays.items() if k.startswith("callbacks:")}
        load_state(self._others, held, about["callbacks"])
        self._history = {name: list(values) for name, values in about["history"].items()}
        self._epochs, self._ended = list(about["epochs"]), about["ended"]
        return int(about["epoch"])

    def _variables(self) -> list[Any]:
        optimizer = self.model.optimizer
        if not optimizer.built:
            optimizer.build(self.model.trainable_variables)
        return [*self.model.variables, *optimizer.variables]

    def _fingerprint(self) -> dict[str, Any]:
        model = self.model
        return {
            "formula": model.formula,
            "model": model_fingerprint(model.model),
            "optimizer": {"class": type(model.optimizer).__name__},
            "callbacks": [type(callback).__name__ for callback in self._others],
            "steps_per_epoch": self.params.get("steps"),
            "versions": versions_fingerprint(),
            **networks_fingerprint(model.objective),
        }


def _refuse_unbuilt(model: Any) -> None:
    inner = getattr(model, "tfloss_student", None)
    if inner is None:
        raise UsageError(
            "tfloss.Checkpoint saves the training of an attached model; for a plain one there is "
            "keras.callbacks.BackupAndRestore."
        )
    if not inner.built:
        raise UsageError(
            f"The model '{inner.name}' has no weights yet that could be restored; call it once on "
            f"a batch before fit."
        )
