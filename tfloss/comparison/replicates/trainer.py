"""Train every formula on every seed: stacked where it can be, one at a time where not.

While one program trains, the next ones are traced and compiled. Tracing and building models is
Python's work and stays in this thread; XLA compiles in others.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from tfloss.comparison.comparison import Comparison
from tfloss.comparison.replicates.initial_weights import initial_weights, with_units
from tfloss.comparison.replicates.notes import diagnosed, notes_of
from tfloss.comparison.replicates.piece_training import OnEvaluation, PieceTraining
from tfloss.comparison.replicates.pieces import (
    Piece,
    make_program,
    pieces_of,
    split_by_formula,
    start,
)
from tfloss.comparison.replicates.prefetch import prefetch
from tfloss.comparison.replicates.saved import SavedReplicates
from tfloss.comparison.replicates.seeds import SeedSetup, student_of
from tfloss.comparison.replicates.sequential import train_alone
from tfloss.comparison.replicates.shared_programs import ProgramCache, families
from tfloss.comparison.replicates.shuffling import BatchOrders
from tfloss.comparison.replicates.trajectories import Trajectories, empty, joined
from tfloss.errors import TflossError, first_line
from tfloss.registry import Registry
from tfloss.student import Student
from tfloss.training.loop.shuffling import steps_per_epoch
from tfloss.training.program.optimizers import make_optimizer
from tfloss.training.target_units import link_of

OnProgress = Callable[[str, float], None]  # the formula at work, and the share of all steps done

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
    *,
    saved: SavedReplicates | None = None,
    weights: list[np.ndarray] | None = None,
    programs: ProgramCache | None = None,
    explain: bool = True,
) -> Trained:
    """Train `comparison.formulas` on `setups`.

    Args:
        comparison: what is trained.
        setups: what each seed brings.
        registry: what names stand for.
        on_progress: called with the formula at work, and the share of all steps just done.
        on_evaluation: called after every evaluation of a stacked training, with the epoch and
            the logits (R, rows, k); it may raise a TflossError to end all.
        saved: where finished replicates are kept, and found.
        weights: what `initial_weights` returned for the same model and seeds; default: made here.
        programs: of trainings on the same seeds, which are used again.
        explain: whether gradients are measured at the end, and the first training that stops being
            finite is repeated alone, to say why.

    Raises:
        FormulaError: a formula that does not fit the student or the data.
        TflossError: what a plugin or an optimizer refuses.
    """
    nothing = lambda *_: None  # noqa: E731
    trainer = _Trainer(
        comparison, setups, registry, on_progress or nothing, on_evaluation or nothing
    )
    trainer.saved, trainer.weights, trainer.programs = saved, weights, programs
    if not explain:
        trainer.gradients = 0
    trained = trainer.train()
    if explain:
        trained.notes += diagnosed(trained.trajectories, comparison, setups, registry)
    return trained


def measured_gradients(formulas: int) -> int:
    """Of how many replicates of each formula gradients are measured at the end."""
    return int(np.clip(_GRADIENTS // formulas, 1, _MOST_GRADIENTS))


class _Trainer:
    saved: SavedReplicates | None = None
    weights: list[np.ndarray] | None = None
    programs: ProgramCache | None = None

    def __init__(
        self,
        comparison: Comparison,
        setups: Sequence[SeedSetup],
        registry: Registry,
        on_progress: OnProgress,
        on_evaluation: OnEvaluation,
    ) -> None:
        self.comparison, self.config = comparison, comparison.config
        self.setups, self.registry = setups, registry
        self.on_progress, self.on_evaluation = on_progress, on_evaluation
        self.data = setups[0].data
        self.template: Student = student_of(self.config, self.data, setups[0].seed, registry)
        self.done = Trained([], seconds=dict.fromkeys(("weights", "compiling", "training"), 0.0))
        self.eval_epochs = comparison.eval_epochs if len(self.data.holdout) else ()
        self.stops = sorted({*self.eval_epochs, self.config.epochs})
        self.chunk = min(_EPOCHS_AT_ONCE, int(np.diff([0, *self.stops]).max()))
        self.gradients = measured_gradients(len(comparison.formulas))
        self._orders = BatchOrders(setups, self.config)
        # By name no learning rate is a schedule.
        self._learning_rate = float(make_optimizer(self.config.optimizer).learning_rate)

    def train(self) -> Trained:
        groups = families(
            self.comparison.formulas,
            self.config,
            self.template,
            self.data,
            self.setups[0].teachers,
            self.registry,
        )
        found: dict[int, list[Trajectories]] = {place: [] for g in groups for place in g.positions}
        pieces = pieces_of(groups, self.setups, self.config, self.template)
        with ThreadPoolExecutor(os.cpu_count()) as self._compilers:
            for piece in prefetch(pieces, self._ready, _PREFETCHED):
                if not piece.finished:
                    self._finish(piece)
                    self._save(piece)
                for place, one in piece.found.items():
                    found[place].append(one)
        self.done.trajectories = [joined(found[place]) for place in sorted(found)]
        self.done.notes = notes_of(self.done.trajectories)
        return self.done

    # -- one piece -------------------------------------------------------------------------------

    def _ready(self, piece: Piece) -> None:
        """Read a piece that is finished; else trace its program, and have it compiled."""
        if self.saved is not None:
            for place in piece.family.positions:
                one = self.saved.read(place, piece.part)
                if one is not None:
                    piece.found[place] = one
                    self._progress(one.formula, len(piece.part))
        if not piece.refused and not piece.finished:
            with self._clocked("compiling"):
                piece.refused = _tried(lambda: self._trace(piece))

    def _trace(self, piece: Piece) -> None:
        if self.programs is not None:
            piece.program = self.programs.get(self._key(piece))
        if piece.program is not None:
            return
        piece.program = make_program(
            piece, self.setups, self.config, self.template, self._orders.rows_per_epoch
        )
        compile_it = piece.program.traced(self.chunk)
        piece.compiled = self._compilers.submit(compile_it)
        piece.program.trace_evaluation()

    def _key(self, piece: Piece) -> Hashable:
        """Equal for pieces that one program can train, one after the other."""
        family = piece.family
        optimizer = make_optimizer(self.config.optimizer).get_config()
        # The rate is a variable of the program; Keras counts its optimizers in their names.
        settings = tuple(
            (name, repr(value))
            for name, value in optimizer.items()
            if name not in ("learning_rate", "name")
        )
        return family.likeness, family.positions, piece.part, settings, self.chunk

    def _finish(self, piece: Piece) -> None:
        """Train a piece that was made ready: stacked, or one at a time."""
        if not piece.refused:
            self._make_weights()  # while XLA compiles
            if piece.compiled is not None:
                with self._clocked("compiling"):
                    piece.refused = _tried(piece.compiled.result)
        if not piece.refused:
            piece.refused = _tried(lambda: self._train(piece))
        if piece.refused:
            for place in piece.family.positions:
                if place not in piece.found:
                    piece.found[place] = self._one_at_a_time(piece, place)

    def _train(self, piece: Piece) -> None:
        """All formulas of a piece in one program."""
        program, weights = piece.program, self.weights
        assert program is not None
        assert weights is not None
        shape = (self.config.epochs, program.count, len(self.data.holdout), self.data.n_outputs)
        text = self.comparison.formulas[piece.family.positions[0]]
        whole = empty(text, program.names, shape, self.eval_epochs, "stacked")
        link = link_of(text, self.registry)
        weights = with_units(weights, self.template, [one.data for one in self.setups], link)
        saved = None if self.saved is None else self.saved.unfinished(piece.name)
        with self._clocked("training"):
            start(program, piece, self.setups, weights)
            program.optimizer.learning_rate = self._learning_rate
            epochs = PieceTraining(program, whole, piece, self._orders, self.stops, self.chunk)
            for done in epochs.run(self.on_evaluation, saved):
                self.done.steps += done * program.steps_per_epoch * program.count
                self._progress(whole.formula, program.count, done)
        if self.programs is not None:
            self.programs.keep(self._key(piece), program)
        found, seeds = {}, len(piece.part)
        for number, (place, own) in enumerate(
            split_by_formula(piece, whole, self.comparison.formulas)
        ):
            measured = max(0, min(seeds, self.gradients - piece.part.start))
            places = number * seeds + np.arange(measured)
            own.gradients = program.term_gradients(places, self.config.epochs)
            own.logged = piece.family.objective.logged
            if self.config.on_nan != "stop":
                self._train_again(own, piece.part)
            found[place] = own
        piece.found = found

    def _train_again(self, own: Trajectories, part: range) -> None:
        """Replicates that stopped being finite, each alone: `fit` knows what `on_nan` asks for."""
        for at in np.flatnonzero(own.diverged).tolist():
            with self._clocked("training"):
                own.put(at, self._alone(own.formula, own.names, part[at]))

    def _one_at_a_time(self, piece: Piece, place: int) -> Trajectories:
        formula = self.comparison.formulas[place]
        names = piece.family.names[piece.family.positions.index(place)]
        replicates = []
        for seed in piece.part:
            with self._clocked("training"):
                replicates.append(self._alone(formula, names, seed, seed < self.gradients))
            steps = steps_per_epoch(
                len(self.data.train), self.config.batch_size, self.config.batches
            )
            self.done.steps += steps * replicates[-1].epochs_trained
            self._progress(formula, 1)
        found = joined(replicates)
        found.logged = piece.family.objective.logged
        found.note = f"Trained one at a time, since {piece.refused}."
        return found

    def _alone(
        self, formula: str, names: tuple[str, ...], seed: int, gradients: bool = False
    ) -> Trajectories:
        setup = self.setups[seed]
        return train_alone(
            formula,
            names,
            self.config,
            setup,
            self.eval_epochs,
            self.registry,
            gradients=gradients,
        )

    def _save(self, piece: Piece) -> None:
        if self.saved is not None:
            for place, one in piece.found.items():
                self.saved.write(place, piece.part, one)
            self.saved.unfinished(piece.name).remove()

    def _make_weights(self) -> None:
        if self.weights is None:
            with self._clocked("weights"):
                seeds = [setup.seed for setup in self.setups]
                self.weights = initial_weights(
                    self.template, self.config, self.data, seeds, self.registry
                )

    def _progress(self, formula: str, replicates: int, epochs: int | None = None) -> None:
        total = self.config.epochs * len(self.setups) * len(self.comparison.formulas)
        self.on_progress(formula, replicates * (epochs or self.config.epochs) / total)

    @contextmanager
    def _clocked(self, what: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.done.seconds[what] += time.perf_counter() - started


def _tried(work: Callable[[], object]) -> str:
    """'' where it went well; else why TensorFlow cannot stack it, as the end of a sentence."""
    try:
        work()
    except TflossError:
        raise
    except Exception as error:
        # Whatever TensorFlow or Keras cannot vectorise; the training itself may be sound.
        return f"TensorFlow cannot stack it ({type(error).__name__}: {first_line(error)[:160]})"
    return ""
