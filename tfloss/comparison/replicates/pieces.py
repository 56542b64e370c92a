"""Some seeds of some formulas as one program: made ready, trained, read from what was saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from tfloss.comparison.replicates.program import Replicates
from tfloss.comparison.replicates.seeds import SeedSetup
from tfloss.comparison.replicates.shared_programs import Family
from tfloss.comparison.replicates.stacked_loss import WeightedLoss
from tfloss.comparison.replicates.stacking import bytes_of_one, stacked_columns, why_not_stacked
from tfloss.comparison.replicates.trajectories import Trajectories
from tfloss.student import Student
from tfloss.training.config import Config
from tfloss.training.program.batch import Batch
from tfloss.training.program.optimizers import make_optimizer

_BYTES_AT_ONCE = 1 << 29
_EARLY = "early stopping ends each seed after an epoch of its own"


@dataclass
class Piece:
    """Some seeds of a family of formulas.

    Attributes:
        family: the formulas.
        part: positions of the seeds.
        refused: why it cannot be stacked, as the end of a sentence, or ''.
        found: by position of a formula, its replicates, as far as they are finished.
        program: which may still be compiling.
        compiled: done when it is compiled.
    """

    family: Family
    part: range
    refused: str = ""
    found: dict[int, Trajectories] = field(default_factory=dict)
    program: Replicates | None = None
    compiled: Future[object] | None = None

    @property
    def name(self) -> str:
        """For files: the formulas, counted from 1, and the positions of the seeds."""
        formulas = "-".join(str(place + 1) for place in self.family.positions[:20])
        return f"formulas{formulas}-seeds{self.part.start}to{self.part.stop - 1}"

    @property
    def finished(self) -> bool:
        return len(self.found) == len(self.family.positions)


def pieces_of(
    groups: Sequence[Family], setups: Sequence[SeedSetup], config: Config, template: Student
) -> Iterator[Piece]:
    """As many seeds of a family at once as fit into memory; one where they cannot be stacked."""
    for family in groups:
        refused = why_not_stacked(template, make_optimizer(config.optimizer))
        if config.early_stopping:
            refused = _EARLY
        each = bytes_of_one(setups, template) * len(family.positions)
        fitting = int(np.clip(_BYTES_AT_ONCE // max(each, 1), 1, len(setups)))
        size = 1 if refused else fitting
        for first in range(0, len(setups), size):
            yield Piece(family, range(first, min(first + size, len(setups))), refused)


def make_program(
    piece: Piece, setups: Sequence[SeedSetup], config: Config, template: Student, rows: int
) -> Replicates:
    """The program of a piece, formula after formula along the leading axis; not yet traced.

    `rows` is how many an epoch goes over, repeated ones counted.
    """
    family, own = piece.family, setups[piece.part.start : piece.part.stop]
    repeated = repeater(len(family.positions))

    def columns(split: str) -> Batch:
        return stacked_columns(own, split, family.objective.needs).map(repeated)

    return Replicates(
        WeightedLoss(template, family.objective),
        make_optimizer(config.optimizer),
        columns("train"),
        columns("holdout") if len(own[0].data.holdout) else None,
        batch_size=config.batch_size,
        rows=rows,
        compile="graph" if config.compile == "graph" else "xla",
    )


def start(
    program: Replicates,
    piece: Piece,
    setups: Sequence[SeedSetup],
    weights: Sequence[np.ndarray],
) -> None:
    """Let a program begin where a training alone with each seed would.

    Args:
        program: of the piece, or of another piece with the same seeds and family.
        piece: whose coefficients count.
        setups: of all seeds.
        weights: the students' initial weights, (seeds, …) each.
    """
    own = list(piece.part)
    states = program.forward.one.objective.states
    held = [states.initial_values(setups[place].seed) for place in own]
    losses = [np.stack(values) for values in zip(*held, strict=True)]
    repeated = repeater(len(piece.family.positions))
    program.start_from(
        [*(repeated(values[own]) for values in weights), *map(repeated, losses)],
        piece.family.coefficients.repeat(len(own), axis=0),
    )


def repeater(times: int) -> Callable[[np.ndarray], np.ndarray]:
    """Repeats an array of all seeds for so many formulas."""
    return lambda values: np.tile(values, (times, *[1] * (values.ndim - 1)))


def split_by_formula(
    piece: Piece, whole: Trajectories, formulas: Sequence[str]
) -> Iterator[tuple[int, Trajectories]]:
    """The replicates of each formula of a piece, with its position and its terms' names."""
    seeds = len(piece.part)
    for number, place in enumerate(piece.family.positions):
        own, names = slice(number * seeds, (number + 1) * seeds), piece.family.names[number]
        yield (
            place,
            Trajectories(
                formulas[place],
                (*names, *whole.names[len(names) :]),
                whole.train[:, own].copy(),
                whole.eval_epochs,
                whole.holdout[:, own].copy(),
                whole.logits[:, own].copy(),
                whole.bad_steps[own].copy(),
            ),
        )
