"""Train every formula on every seed: stacked where it can be, one at a time where not."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfloss.compare.comparison import Comparison
from tfloss.compare.families import Family, families
from tfloss.compare.one_by_one import train_one_by_one
from tfloss.compare.replicates import Replicates
from tfloss.compare.stacking import bytes_of_one, stacked_columns, why_not_stacked
from tfloss.compare.trajectories import Trajectories, empty, joined
from tfloss.compare.worlds import World, initial_weights, student_of
from tfloss.errors import TflossError
from tfloss.registry import Registry
from tfloss.student import Student
from tfloss.training.batches import BatchOrder
from tfloss.training.measure import Measure
from tfloss.training.optimizers import make_optimizer

Tell = Callable[[str, float], None]  # the formula at work, and the share of all steps done

_BYTES_AT_ONCE = 1 << 30
_EPOCHS_AT_ONCE = 500


@dataclass
class Trained:
    """All trajectories, in the order of the comparison's formulas.

    Attributes:
        notes: what a user should know, a sentence each.
        seconds: 'weights', 'compiling' (the first call of every program), 'training'.
        steps: replicate-steps done in 'training'.
    """

    trajectories: list[Trajectories]
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    steps: int = 0


def train_all(
    comparison: Comparison, worlds: Sequence[World], registry: Registry, tell: Tell | None = None
) -> Trained:
    """Train `comparison.formulas` on `worlds`.

    Raises:
        FormulaError: a formula that does not fit the student or the data.
        TflossError: what a plugin or an optimizer refuses.
    """
    trainer = _Trainer(comparison, worlds, registry, tell or (lambda *_: None))
    return trainer.train()


class _Trainer:
    def __init__(
        self, comparison: Comparison, worlds: Sequence[World], registry: Registry, tell: Tell
    ) -> None:
        self.comparison, self.config = comparison, comparison.config
        self.worlds, self.registry, self.tell = worlds, registry, tell
        self.template: Student = student_of(self.config, worlds[0].data, worlds[0].seed, registry)
        self.done = Trained([], seconds=dict.fromkeys(("weights", "compiling", "training"), 0.0))
        self._weights: list[np.ndarray] | None = None
        self._orders: dict[tuple[int, int], np.ndarray] = {}

    def train(self) -> Trained:
        data, teachers = self.worlds[0].data, self.worlds[0].teachers
        groups = families(
            self.comparison.formulas,
            self.config,
            self.template,
            data,
            {name: teacher.text for name, teacher in teachers.items()},
            self.registry,
        )
        found: dict[int, Trajectories] = {}
        for family in groups:
            found |= self._family(family)
        self.done.trajectories = [found[place] for place in sorted(found)]
        return self.done

    # -- one family ------------------------------------------------------------------------------

    def _family(self, family: Family) -> dict[int, Trajectories]:
        optimizer = make_optimizer(self.config.optimizer)
        reason = why_not_stacked(self.template, optimizer, bool(family.objective.states))
        if not reason:
            try:
                return self._stacked(family)
            except TflossError:
                raise
            except Exception as error:
                # Whatever TensorFlow or Keras cannot vectorise; the training itself may be sound.
                reason = (
                    f"TensorFlow cannot stack it ({type(error).__name__}: {_first_line(error)})"
                )
        self._note(f"Trained one at a time, since {reason}.")
        return {place: self._one_by_one(family, place) for place in family.positions}

    def _one_by_one(self, family: Family, place: int) -> Trajectories:
        started = time.perf_counter()
        formula = self.comparison.formulas[place]
        names = family.names[family.positions.index(place)]
        share = 1 / (len(self.comparison.formulas) * len(self.worlds))
        result = train_one_by_one(
            formula,
            names,
            self.config,
            self.worlds,
            self.comparison.look_epochs,
            self.registry,
            lambda _: self.tell(formula, share),
        )
        self.done.seconds["training"] += time.perf_counter() - started
        data = self.worlds[0].data
        steps = -(-len(data.train) // self.config.batch_size)
        self.done.steps += steps * self.config.epochs * len(self.worlds)
        return result

    def _stacked(self, family: Family) -> dict[int, Trajectories]:
        """Train a family, as many seeds at once as fit into memory."""
        self._make_weights()
        each = bytes_of_one(self.worlds, self.template) * len(family.positions)
        size = int(np.clip(_BYTES_AT_ONCE // max(each, 1), 1, len(self.worlds)))
        pieces: dict[int, list[Trajectories]] = {place: [] for place in family.positions}
        for first in range(0, len(self.worlds), size):
            part = range(first, min(first + size, len(self.worlds)))
            for place, piece in self._piece(family, part).items():
                pieces[place].append(piece)
        return {place: joined(several) for place, several in pieces.items()}

    def _piece(self, family: Family, part: range) -> dict[int, Trajectories]:
        """Some seeds of a family, in one program: formula after formula along the leading axis."""
        worlds = [self.worlds[place] for place in part]
        program = self._program(family, part, worlds)
        formulas, seeds = len(family.positions), len(worlds)
        data = worlds[0].data
        looks = self.comparison.look_epochs if len(data.holdout) else ()
        shape = (self.config.epochs, formulas * seeds, len(data.holdout), data.n_outputs)
        text = self.comparison.formulas[family.positions[0]]
        whole = empty(text, program.names, shape, looks, "stacked")
        self._run(program, whole, part, formulas)
        result = {}
        for number, place in enumerate(family.positions):
            own = slice(number * seeds, (number + 1) * seeds)
            result[place] = Trajectories(
                self.comparison.formulas[place],
                (*family.names[number], *program.names[len(family.names[number]) :]),
                whole.train[:, own],
                whole.looks,
                whole.holdout[:, own],
                whole.logits[:, own],
            )
        return result

    def _program(self, family: Family, part: range, worlds: Sequence[World]) -> Replicates:
        times = len(family.positions)
        assert self._weights is not None

        def repeated(values: np.ndarray) -> np.ndarray:
            return np.tile(values, (times, *[1] * (values.ndim - 1)))

        def columns(split: str) -> dict[str, np.ndarray]:
            needs = family.objective.needs
            return {n: repeated(c) for n, c in stacked_columns(worlds, split, needs).items()}

        coefficients = family.coefficients
        return Replicates(
            Measure(self.template, family.objective),
            make_optimizer(self.config.optimizer),
            [repeated(values[list(part)]) for values in self._weights],
            columns("train"),
            columns("holdout") if len(worlds[0].data.holdout) else None,
            batch_size=self.config.batch_size,
            coefficients=None if coefficients is None else coefficients.repeat(len(part), axis=0),
            compile="graph" if self.config.compile == "graph" else "xla",
        )

    def _run(self, program: Replicates, whole: Trajectories, part: range, times: int) -> None:
        """Train from look to look."""
        stops = sorted({*whole.looks.tolist(), self.config.epochs})
        longest = min(_EPOCHS_AT_ONCE, int(np.diff([0, *stops]).max()))
        total = self.config.epochs * len(self.worlds) * len(self.comparison.formulas)
        first, done, look = True, 0, 0
        for stop in stops:
            while done < stop:
                count = min(longest, stop - done)
                started = time.perf_counter()
                order = np.tile(self._order(part, done, count), (1, times, 1))
                order = np.concatenate([order, np.repeat(order[:1], longest - count, axis=0)])
                step = done * program.steps_per_epoch
                whole.train[done : done + count] = program.run(order, step, epochs=count)
                done += count
                self._clock(first, started, count * program.steps_per_epoch * program.count)
                self.tell(whole.formula, count * program.count / total)
                first = False
            if done in whole.looks:
                started = time.perf_counter()
                values = program.look(done * program.steps_per_epoch)
                whole.holdout[look], whole.logits[look] = values
                self._clock(look == 0, started, 0)
                look += 1

    def _clock(self, first: bool, started: float, steps: int) -> None:
        self.done.seconds["compiling" if first else "training"] += time.perf_counter() - started
        self.done.steps += 0 if first else steps

    def _order(self, part: range, done: int, count: int) -> np.ndarray:
        """(count, seeds, rows) int32: for every seed the order of a training alone."""
        rows = len(self.worlds[0].data.train)
        config = self.config
        if not config.shuffle or config.batch_size >= rows:
            return np.tile(np.arange(rows, dtype=np.int32), (count, len(part), 1))
        orders = []
        for place in part:
            seed = self.worlds[place].seed
            if (seed, done) not in self._orders:
                order = BatchOrder(rows, config.batch_size, shuffle=True, seed=seed)
                self._orders[seed, done] = order.epochs(done, count)
            orders.append(self._orders[seed, done])
        return np.stack(orders, axis=1)

    def _make_weights(self) -> None:
        if self._weights is None:
            started = time.perf_counter()
            seeds = [world.seed for world in self.worlds]
            data = self.worlds[0].data
            self._weights = initial_weights(self.template, self.config, data, seeds, self.registry)
            self.done.seconds["weights"] = time.perf_counter() - started

    def _note(self, sentence: str) -> None:
        if sentence not in self.done.notes:
            self.done.notes.append(sentence)


def _first_line(error: Any) -> str:
    return str(error).strip().partition("\n")[0][:160]
