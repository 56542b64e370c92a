"""Options that decide a training, checked before anything is built."""

from __future__ import annotations

import operator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from tfloss.errors import UsageError, did_you_mean, listed

if TYPE_CHECKING:
    from tfloss.objective import GradientMonitor

OnNan = Literal["stop", "skip", "lower"]
Compile = Literal["auto", "xla", "graph", "eager"]
# 'shuffled': each row once per epoch, in a new order. 'replacement': each batch is drawn with
# replacement from all rows; an epoch has as many full batches as fit into the rows.
# 'sequential': each row once per epoch, in the order of the data.
Batches = Literal["shuffled", "replacement", "sequential"]

ON_NAN: tuple[str, ...] = get_args(OnNan)
COMPILE: tuple[str, ...] = get_args(Compile)
TASKS = ("classification", "regression")
BATCHES: tuple[str, ...] = get_args(Batches)


def one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    """Raise UsageError for a word that is not among those known."""
    if value not in known:
        raise UsageError(
            f"{name} cannot be '{value}'.{did_you_mean(str(value), known)} Known: {listed(known)}."
        )


def at_least_one(**counts: Any) -> None:
    """Raise UsageError for a number that is no whole number from 1 on."""
    for name, count in counts.items():
        try:
            whole = operator.index(count)
        except TypeError:
            raise UsageError(f"{name} is {count!r}; it must be a whole number.") from None
        if whole < 1 or isinstance(count, bool):
            raise UsageError(f"{name} is {count}; it must be at least 1.")


@dataclass(frozen=True)
class LoopOptions:
    """What decides a training besides formula, rows, model and optimizer; see `tfloss.fit`.

    Attributes:
        epochs, batch_size, batches, seed, evaluate_every, compile, on_nan, precision,
        early_stopping, validation_fraction, n_iter_no_change, initial_epoch: as there.
        steps_per_epoch: of a stream; None where the rows decide.
        watch: measures gradients.

    Raises:
        UsageError: a word that is not known, or a count below 1.
    """

    epochs: int
    batch_size: int
    batches: Batches = "shuffled"
    seed: int = 0
    evaluate_every: int = 1
    compile: Compile = "auto"
    on_nan: OnNan = "stop"
    precision: str = "float32"
    steps_per_epoch: int | None = None
    watch: GradientMonitor | None = None
    early_stopping: bool = False
    validation_fraction: float = 0.1
    n_iter_no_change: int = 10
    initial_epoch: int = 0

    def __post_init__(self) -> None:
        at_least_one(
            epochs=self.epochs,
            batch_size=self.batch_size,
            evaluate_every=self.evaluate_every,
            n_iter_no_change=self.n_iter_no_change,
        )
        if not 0 < self.validation_fraction < 1:
            raise UsageError(
                f"validation_fraction is {self.validation_fraction}; it must lie between 0 and 1."
            )
        if not 0 <= self.initial_epoch < self.epochs:
            raise UsageError(
                f"initial_epoch is {self.initial_epoch}; it counts the epochs done before, and "
                f"must be less than epochs, {self.epochs}."
            )
        if self.steps_per_epoch is not None:
            at_least_one(steps_per_epoch=self.steps_per_epoch)
        one_of("compile", self.compile, COMPILE)
        one_of("on_nan", self.on_nan, ON_NAN)
        one_of("batches", self.batches, BATCHES)
        if self.watch is not None and self.compile == "eager":
            raise UsageError(
                "watch measures gradients in a compiled step; leave compile='eager' or watch out."
            )

    def fingerprint(self) -> dict[str, Any]:
        """All of them, as plain values."""
        return asdict(self)
