"""Train every formula on every seed: stacked where it can be, one at a time where not.

While one program trains, the next ones are traced and compiled. Tracing is Python's work and stays
in this thread; XLA compiles in others.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfloss.comparison.comparison import Comparison
from tfloss.comparison.replicates.prefetch import prefetch
from tfloss.comparison.replicates.program import Replicates
from tfloss.comparison.replicates.seeds import SeedSetup, initial_weights, student_of
from tfloss.comparison.replicates.sequential import train_one_by_one
from tfloss.comparison.replicates.shared_programs import Family, families
from tfloss.comparison.replicates.shuffling import BatchOrders
from tfloss.comparison.replicates.stacking import bytes_of_one, stacked_columns, why_not_stacked
from tfloss.comparison.replicates.trajectories import Trajectories, empty, joined
from tfloss.errors import TflossError
from tfloss.registry import Registry
from tfloss.student import Student
from tfloss.training.loop.shuffling import steps_per_epoch
from tfloss.training.program.batch import Batch
from tfloss.training.program.forward import StudentLoss
from tfloss.training.program.optimizers import make_optimizer

OnProgress = Callable[[str, float], None]  # the formula at work, and the share of all steps done
OnEvaluation = Callable[[int, np.ndarray], None]  # the epoch, and the logits on the holdout

_BYTES_AT_ONCE = 1 << 29
_EPOCHS_AT_ONCE = 500
_PREFETCHED = 2  # programs that are made ready while one trains
_GRADIENTS = 256  # replicates whose gradients are measured, over all formulas
_MOST_GRADIENTS = 32  # of one formula


@dataclass
class Trained:
    """All trajectories, in the order of the comparison's formulas.

    Attributes:
        notes: what a user should know, a sentence each.
        seconds: 'weights', 'compiling' (tracing, and waiting for compilers), 'training'.
        steps: replicate-steps done in 'training'.
    """

    trajectories: list[Trajectories]
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    steps: int = 0


def train_all(
    comparison: Comparison,
    setups: Sequence[SeedSetup],
    registry: Registry,
    on_progress: OnProgress | None = None,
    on_evaluation: OnEvaluation | None = None,
) -> Trained:
    """Train `comparison.formulas` on `setups`.

    Args:
        comparison: what is trained.
        setups: what each seed brings.
        registry: what names stand for.
        on_progress: called with the formula at work, and the share of all steps just done.
        on_evaluation: called after every evaluation of a stacked training, with the epoch and
            the logits (R, rows, k); it may raise a TflossError to end all.

    Raises:
        FormulaError: a formula that does not fit the student or the data.
        TflossError: what a plugin or an optimizer refuses.
    """
    nothing = lambda *_: None  # noqa: E731
    trainer = _Trainer(
        comparison, setups, registry, on_progress or nothing, on_evaluation or nothing
    )
    return trainer.train()


@dataclass
class _Piece:
    """Some seeds of a family in one program, which may still be compiling."""

    family: Family
    part: range
    program: Replicates | None = None
    compiled: Future[object] | None = None
    refused: str = ""


class _Trainer:
    def __init__(
        self,
        comparison: Comparison,
        setups: Sequence[SeedSetup],
        registry: Registry,
        on_progress: OnProgress,
        on_evaluation: OnEvaluation,
    ) -> None:
        self.comparison, self.config = comparison, comparison.config
        self.setups, self.registry, self.on_progress, self.on_evaluation = (
            setups,
            registry,
            on_progress,
            on_evaluation,
        )
        self.template: Student = student_of(self.config, setups[0].data, setups[0].seed, registry)
        self.done = Trained([], seconds=dict.fromkeys(("weights", "compiling", "training"), 0.0))
        self.eval_epochs = comparison.eval_epochs if len(setups[0].data.holdout) else ()
        self.stops = sorted({*self.eval_epochs, self.config.epochs})
        self.chunk = min(_EPOCHS_AT_ONCE, int(np.diff([0, *self.stops]).max()))
        share = _GRADIENTS // len(comparison.formulas)
        self.gradients = int(np.clip(share, 1, _MOST_GRADIENTS))  # replicates of each formula
        self._weights: list[np.ndarray] | None = None
        self._orders = BatchOrders(setups, self.config)

    def train(self) -> Trained:
        data, teachers = self.setups[0].data, self.setups[0].teachers
        groups = families(
            self.comparison.formulas,
            self.config,
            self.template,
            data,
            teachers,
            self.registry,
        )
        found: dict[int, list[Trajectories]] = {place: [] for g in groups for place in g.positions}
        refused: set[int] = set()  # families, by their first formula
        with ThreadPoolExecutor(os.cpu_count()) as self._compilers:
            for piece in prefetch(self._pieces(groups), self._ready, _PREFETCHED):
                family, name = piece.family, piece.family.positions[0]
                if name in refused:
                    continue
                if not piece.refused:
                    piece.refused = self._finish(piece, found)
                if piece.refused:
                    refused.add(name)
                    self._note(f"Trained one at a time, since {piece.refused}.")
                    for place in family.positions:
                        found[place] = [self._one_by_one(family, place)]
        self.done.trajectories = [joined(found[place]) for place in sorted(found)]
        return self.done

    def _pieces(self, groups: Sequence[Family]) -> Iterator[_Piece]:
        """As many seeds of a family at once as fit into memory."""
        for family in groups:
            reason = why_not_stacked(
                self.template, make_optimizer(self.config.optimizer), bool(family.objective.states)
            )
            each = bytes_of_one(self.setups, self.template) * len(family.positions)
            size = int(np.clip(_BYTES_AT_ONCE // max(each, 1), 1, len(self.setups)))
            for first in range(0, len(self.setups), size):
                part = range(first, min(first + size, len(self.setups)))
                yield _Piece(family, part, refused=reason)

    # -- one piece -------------------------------------------------------------------------------

    def _ready(self, piece: _Piece) -> None:
        """Trace a piece's program, and have it compiled."""
        if piece.refused:
            return
        self._make_weights()
        started = time.perf_counter()
        piece.refused = _tried(lambda: self._trace(piece))
        self.done.seconds["compiling"] += time.perf_counter() - started

    def _trace(self, piece: _Piece) -> None:
        piece.program = self._program(piece.family, piece.part)
        compile_it = piece.program.traced(self.chunk)
        piece.compiled = self._compilers.submit(compile_it)
        piece.program.trace_evaluation()

    def _finish(self, piece: _Piece, found: dict[int, list[Trajectories]]) -> str:
        """Train a piece that was made ready; the reason where TensorFlow cannot."""
        assert piece.compiled is not None
        started = time.perf_counter()
        refused = _tried(piece.compiled.result)
        self.done.seconds["compiling"] += time.perf_counter() - started
        return refused or _tried(lambda: self._train(piece, found))

    def _train(self, piece: _Piece, found: dict[int, list[Trajectories]]) -> None:
        """Some seeds of a family, in one program: formula after formula along the leading axis."""
        family, program = piece.family, piece.program
        assert program is not None
        seeds, data = len(piece.part), self.setups[0].data
        shape = (self.config.epochs, program.count, len(data.holdout), data.n_outputs)
        text = self.comparison.formulas[family.positions[0]]
        whole = empty(text, program.names, shape, self.eval_epochs, "stacked")
        self._run(program, whole, piece.part, len(family.positions))
        for number, place in enumerate(family.positions):
            own = slice(number * seeds, (number + 1) * seeds)
            looked_at = own.start + np.arange(max(0, min(seeds, self.gradients - piece.part.start)))
            found[place].append(
                Trajectories(
                    self.comparison.formulas[place],
                    (*family.names[number], *program.names[len(family.names[number]) :]),
                    whole.train[:, own],
                    whole.eval_epochs,
                    whole.holdout[:, own],
                    whole.logits[:, own],
                    gradients=program.term_gradients(looked_at, self.config.epochs),
                )
            )

    def _one_by_one(self, family: Family, place: int) -> Trajectories:
        started = time.perf_counter()
        formula = self.comparison.formulas[place]
        names = family.names[family.positions.index(place)]
        share = 1 / (len(self.comparison.formulas) * len(self.setups))
        result = train_one_by_one(
            formula,
            names,
            self.config,
            self.setups,
            self.comparison.eval_epochs,
            self.gradients,
            self.registry,
            lambda _: self.on_progress(formula, share),
        )
        self.done.seconds["training"] += time.perf_counter() - started
        rows = len(self.setups[0].data.train)
        steps = steps_per_epoch(rows, self.config.batch_size, self.config.batches)
        self.done.steps += steps * self.config.epochs * len(self.setups)
        return result

    def _program(self, family: Family, part: range) -> Replicates:
        times, setups = len(family.positions), self.setups[part.start : part.stop]
        assert self._weights is not None

        def repeated(values: np.ndarray) -> np.ndarray:
            return np.tile(values, (times, *[1] * (values.ndim - 1)))

        def columns(split: str) -> Batch:
            return stacked_columns(setups, split, family.objective.needs).map(repeated)

        coefficients = family.coefficients
        return Replicates(
            StudentLoss(self.template, family.objective),
            make_optimizer(self.config.optimizer),
            [repeated(values[list(part)]) for values in self._weights],
            columns("train"),
            columns("holdout") if len(setups[0].data.holdout) else None,
            batch_size=self.config.batch_size,
            rows=self._orders.rows_per_epoch,
            coefficients=None if coefficients is None else coefficients.repeat(len(part), axis=0),
            compile="graph" if self.config.compile == "graph" else "xla",
        )

    def _run(self, program: Replicates, whole: Trajectories, part: range, times: int) -> None:
        """Train from evaluation to evaluation."""
        longest = self.chunk
        total = self.config.epochs * len(self.setups) * len(self.comparison.formulas)
        done, evaluation = 0, 0
        for stop in self.stops:
            while done < stop:
                count = min(longest, stop - done)
                started = time.perf_counter()
                order = np.tile(self._orders(part, done, count), (1, times, 1))
                order = np.concatenate([order, np.repeat(order[:1], longest - count, axis=0)])
                step = done * program.steps_per_epoch
                whole.train[done : done + count] = program.run(order, step, epochs=count)
                done += count
                self._clock(started, count * program.steps_per_epoch * program.count)
                self.on_progress(whole.formula, count * program.count / total)
            if done in whole.eval_epochs:
                started = time.perf_counter()
                values = program.evaluate(done * program.steps_per_epoch)
                whole.holdout[evaluation], whole.logits[evaluation] = values
                self._clock(started, 0)
                self.on_evaluation(done, whole.logits[evaluation])
                evaluation += 1

    def _clock(self, started: float, steps: int) -> None:
        self.done.seconds["training"] += time.perf_counter() - started
        self.done.steps += steps

    def _make_weights(self) -> None:
        if self._weights is None:
            started = time.perf_counter()
            seeds = [setup.seed for setup in self.setups]
            data = self.setups[0].data
            self._weights = initial_weights(self.template, self.config, data, seeds, self.registry)
            self.done.seconds["weights"] = time.perf_counter() - started

    def _note(self, sentence: str) -> None:
        if sentence not in self.done.notes:
            self.done.notes.append(sentence)


def _tried(work: Callable[[], object]) -> str:
    """'' where it went well; else why TensorFlow cannot stack it, as the end of a sentence."""
    try:
        work()
    except TflossError:
        raise
    except Exception as error:
        # Whatever TensorFlow or Keras cannot vectorise; the training itself may be sound.
        return f"TensorFlow cannot stack it ({type(error).__name__}: {_first_line(error)})"
    return ""


def _first_line(error: Any) -> str:
    return str(error).strip().partition("\n")[0][:160]
