"""One program's training, from one evaluation on the holdout to the next; saved in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from tfloss.comparison.replicates.pieces import Piece
from tfloss.comparison.replicates.program import Replicates
from tfloss.comparison.replicates.saved import UnfinishedPiece
from tfloss.comparison.replicates.shuffling import BatchOrders
from tfloss.comparison.replicates.trajectories import Trajectories

OnEvaluation = Callable[[int, np.ndarray], None]  # the epoch, and the logits on the holdout
Evaluation = Future[tuple[np.ndarray, np.ndarray]]

SAVE_EVERY = 30.0  # seconds


class PieceTraining:
    """Fills the trajectories of a piece.

    Evaluations run in another thread, with the weights as they were, while the training goes on:
    they take as long as the steps between them.

    Args:
        program: started.
        whole: of all its replicates, empty.
        piece: whose program it is.
        orders: of all seeds.
        stops: epochs after which a chunk ends, the last included.
        chunk: how many epochs one call trains at most.
    """

    def __init__(
        self,
        program: Replicates,
        whole: Trajectories,
        piece: Piece,
        orders: BatchOrders,
        stops: Sequence[int],
        chunk: int,
    ) -> None:
        self._program, self._whole, self._piece = program, whole, piece
        self._orders, self._stops, self._chunk = orders, stops, chunk
        self._done = 0  # epochs
        self._evaluated = 0
        self._waiting: list[Evaluation] = []

    def run(self, on_evaluation: OnEvaluation, saved: UnfinishedPiece | None) -> Iterator[int]:
        """Train to the end; how many epochs were done, after every call of the program.

        Args:
            on_evaluation: called after each evaluation.
            saved: where the piece is kept while it is not finished, and found.
        """
        if saved is not None:
            self._go_on(saved)
            if self._done:
                yield self._done
        kept_at = time.monotonic()
        with ThreadPoolExecutor(1, "tfloss-evaluation") as thread:
            while self._done < self._stops[-1]:
                count = self._train()
                if self._done in self._whole.eval_epochs:
                    step = self._done * self._program.steps_per_epoch
                    self._waiting.append(thread.submit(self._program.evaluation(step)))
                self._collect(1, on_evaluation)
                yield count
                if saved is not None and time.monotonic() - kept_at >= SAVE_EVERY:
                    self._collect(0, on_evaluation)
                    self._save(saved)
                    kept_at = time.monotonic()
            self._collect(0, on_evaluation)
        self._whole.bad_steps[:] = self._program.stopped.bad_steps

    def _train(self) -> int:
        """The epochs up to the next stop, or as many as one call trains."""
        program, done = self._program, self._done
        stop = next(stop for stop in self._stops if stop > done)
        count = min(self._chunk, stop - done)
        times = len(self._piece.family.positions)
        order = np.tile(self._orders(self._piece.part, done, count), (1, times, 1))
        padded = np.concatenate([order, np.repeat(order[:1], self._chunk - count, axis=0)])
        log = program.train_chunk(padded, done * program.steps_per_epoch, epochs=count)
        self._whole.train[done : done + count] = log
        self._done += count
        return count

    def _collect(self, most: int, on_evaluation: OnEvaluation) -> None:
        """Wait until at most so many evaluations are under way."""
        while len(self._waiting) > most:
            at = self._evaluated
            self._whole.holdout[at], self._whole.logits[at] = self._waiting.pop(0).result()
            self._evaluated += 1
            on_evaluation(int(self._whole.eval_epochs[at]), self._whole.logits[at])

    def _save(self, saved: UnfinishedPiece) -> None:
        whole, done, evaluated = self._whole, self._done, self._evaluated
        trajectories = {
            "train": whole.train[:done],
            "holdout": whole.holdout[:evaluated],
            "logits": whole.logits[:evaluated],
        }
        saved.write(trajectories | self._program.state())

    def _go_on(self, saved: UnfinishedPiece) -> None:
        """Where the piece was when it was saved, if it was."""
        arrays = saved.read()
        if arrays is None:
            return
        for name in ("train", "holdout", "logits"):
            values = arrays.pop(name)
            getattr(self._whole, name)[: len(values)] = values
            if name == "train":
                self._done = len(values)
            else:
                self._evaluated = len(values)
        self._program.load(arrays)
