"""The training loop: epochs, history, callbacks, checkpoints, and the guard against NaN."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tfloss.lazy import tf
from tfloss.training.checkpoints.manager import Checkpoints
from tfloss.training.history import History
from tfloss.training.loop.callbacks import Callbacks
from tfloss.training.loop.nan_guard import NanGuard
from tfloss.training.loop.progress import Progress
from tfloss.training.loop.source import Source
from tfloss.training.program.chunk_log import ChunkLog
from tfloss.training.program.step import TrainState

OnProgress = Callable[[History], None]


def train(
    source: Source,
    epochs: int,
    *,
    callbacks: Callbacks,
    history: History | None = None,
    on_progress: OnProgress | None = None,
    checkpoints: Checkpoints | None = None,
    guard: NanGuard | None = None,
    initial_epoch: int = 0,
) -> History:
    """Train up to `epochs` epochs and return what was logged.

    Args:
        source: the rows, with the programs that train on them.
        epochs: how many passes over the training rows, those before `initial_epoch` included.
        callbacks: Keras callbacks.
        history: still empty; default: one of the terms.
        on_progress: called with the history after every chunk.
        checkpoints: where they are saved, and where the training begins.
        guard: what to do where numbers are not finite; default: stop.
        initial_epoch: epochs done before.

    Raises:
        Interrupted: Ctrl-C or SIGTERM came; the last checkpoint holds everything.
        NumericsError: the loss or a weight would not be finite; the weights are those before that
            step.
    """
    if history is None:
        names = source.step.forward.names
        history = History(names, source.step.steps_per_epoch, every=History.spacing(epochs))
    loop = _Loop(source, epochs, callbacks, history, checkpoints, guard or NanGuard(source.step))
    try:
        loop.run(on_progress, initial_epoch)
    finally:
        source.close()
    return history


class _Loop:
    """One training."""

    def __init__(
        self,
        source: Source,
        epochs: int,
        callbacks: Callbacks,
        history: History,
        checkpoints: Checkpoints | None,
        guard: NanGuard,
    ) -> None:
        self._source, self._epochs, self._callbacks = source, epochs, callbacks
        self._history, self._checkpoints, self._guard = history, checkpoints, guard
        self._length = source.step.steps_per_epoch
        source.watched = callbacks.see_batches

    def run(self, on_progress: OnProgress | None, initial_epoch: int) -> None:
        callbacks, history = self._callbacks, self._history
        callbacks.on_train_begin()
        progress = self._begin(callbacks.initial_epoch or initial_epoch)
        logs = None
        while progress.epoch < self._epochs and not progress.ended:
            callbacks.on_epoch_begin(progress.epoch)
            log = self._next(progress)
            history.extend(progress.epoch + 1, log.train, log.holdout)
            progress = Progress(progress.epoch + len(log.train))
            logs = history.latest.as_logs()
            callbacks.on_epoch_end(progress.epoch - 1, logs)
            if on_progress is not None:
                on_progress(history)
            self._save_if_due(progress)
            if callbacks.want_to_stop:
                break
        if not progress.ended:
            self._save(replace(progress, ended=True))
        history.keep_latest()
        self._source.step.finish()
        callbacks.on_train_end(logs)

    def _begin(self, initial_epoch: int) -> Progress:
        """Where the training goes on: at a checkpoint, or at its beginning."""
        progress, saved = Progress(initial_epoch), self._checkpoints
        if saved is None:
            self._source.begin(initial_epoch * self._length, {}, None)
            return progress
        progress = saved.restore(
            self._source.step, self._history, self._callbacks, self._guard, initial=progress
        )
        done = progress.step(self._length)
        self._source.begin(done, saved.source_state, saved.max_steps_per_call)
        return progress

    def _next(self, progress: Progress) -> ChunkLog:
        """Train some whole epochs, or what is left of one."""
        source, callbacks = self._source, self._callbacks
        chunk = None
        if not (progress.steps or callbacks.see_batches or callbacks.want_to_stop):
            single = callbacks.see_epochs
            chunk = source.chunk(progress.epoch, self._epochs, single=single)
        if chunk is not None:
            log = self._guard(chunk.run, chunk.batch_of)
        else:
            log = self._in_segments(progress)
        return source.evaluated(log, (progress.epoch + len(log.train)) * self._length)

    def _in_segments(self, progress: Progress) -> ChunkLog:
        """Train from `progress` to the end of its epoch, with checkpoints on the way."""
        source, watched = self._source, self._callbacks.see_batches
        first, done = progress.epoch * self._length, progress.steps
        state = source.step.start(tf.constant(first + done))
        if progress.sums is not None:
            skipped = tf.constant(progress.skipped_rows, tf.float32)
            state = state._replace(sums=tf.constant(progress.sums), skipped_rows=skipped)
        while done < self._length:
            if watched:
                self._callbacks.on_train_batch_begin(done)
            segment = source.segment(progress.epoch, done, state, self._limit(first + done))
            state = self._guard.segment(state, segment.run, segment.batch_of, guarded=watched)
            done = int(state.step) - first
            if watched:
                self._callbacks.on_train_batch_end(done - 1, self._batch_logs(state, done))
            if self._callbacks.want_to_stop:
                break  # asked for before the first batch, it is heard after that one, as in Keras
            if done < self._length:
                sums, skipped_rows = state.sums.numpy(), float(state.skipped_rows)
                self._save_if_due(Progress(progress.epoch, done, sums, skipped_rows))
        return ChunkLog(self._averages(state, done)[None], None, None)

    def _limit(self, step: int) -> int | None:
        """How many steps the next call may train: to the next callback, or checkpoint."""
        if self._callbacks.see_batches or self._callbacks.want_to_stop:
            return 1
        return None if self._checkpoints is None else self._checkpoints.steps_until_due(step)

    def _averages(self, state: TrainState, done: int) -> np.ndarray:
        """(1 + terms,) over the rows of the epoch that were seen and count."""
        rows = min(done * self._source.step.batch_size, self._source.rows)
        averages: np.ndarray = (state.sums / (rows - state.skipped_rows)).numpy()
        return averages

    def _batch_logs(self, state: TrainState, done: int) -> dict[str, float]:
        """What Keras tells callbacks after a batch: the averages of the epoch so far."""
        values = np.concatenate([self._averages(state, done), self._source.metrics()])
        return dict(zip(("loss", *self._history.names), values.tolist(), strict=True))

    def _save_if_due(self, progress: Progress) -> None:
        saved = self._checkpoints
        if saved is not None and saved.should_save(progress.step(self._length)):
            self._save(progress)

    def _save(self, progress: Progress) -> None:
        if self._checkpoints is not None:
            step, state = self._source.step, self._source.state()
            self._checkpoints.save(step, self._history, progress, state)
