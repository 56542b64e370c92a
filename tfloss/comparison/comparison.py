"""What is compared: formulas, seeds, the training they share, and what is evaluated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from tfloss.comparison.ranges import expand
from tfloss.comparison.supported import refuse_unsupported
from tfloss.data import Table
from tfloss.errors import UsageError, did_you_mean, listed
from tfloss.formula import parse, to_text
from tfloss.registry import Registry
from tfloss.training.config import Config
from tfloss.training.options import one_of
from tfloss.training.preflight import check

_EVALUATIONS = 20  # of the holdout, by default


@dataclass(frozen=True)
class Reach:
    """A goal: the first step at which a metric is at least as good as `value`."""

    metric: str
    value: float

    @property
    def text(self) -> str:
        return f"{self.metric}={self.value:g}"


@dataclass(frozen=True)
class Comparison:
    """A comparison of formulas.

    Attributes:
        formulas: at least one; ranges written out. All are trained on the same splits, initial
            weights, orders of rows and teachers' answers.
        config: the training that they share; its `formula` is the baseline, its `seed` the first.
        seeds: how many replicates of each formula.
        baseline: the position of the formula that the others are held against.
        reach: goals whose steps are counted.
        one_class: a seed whose training rows hold one class is left out ('skip'), or its split is
            drawn again ('redraw').
        at: epochs at which statistics are made, in addition to the last.
    """

    formulas: tuple[str, ...]
    config: Config
    seeds: int = 200
    baseline: int = 0
    reach: tuple[Reach, ...] = ()
    at: tuple[int, ...] = ()
    one_class: str = "skip"

    @classmethod
    def of(
        cls,
        texts: Iterable[str],
        config: Config,
        *,
        baseline: str | None = None,
        **more: object,
    ) -> Comparison:
        """Write ranges out and find the baseline (default: the first formula).

        Raises:
            UsageError: a range that cannot be read, or a baseline that is not compared.
        """
        formulas = tuple(dict.fromkeys(one for text in texts for one in expand(text)))
        if not formulas:
            raise UsageError('No formula was given; say tfloss compare "bce" "bce + 0.1*abs_kl".')
        position = 0 if baseline is None else _position(baseline, formulas)
        return cls(
            formulas,
            config.changed(formula=formulas[position]),
            baseline=position,
            **more,  # type: ignore[arg-type]
        )

    def __post_init__(self) -> None:
        one_of("one_class", self.one_class, ("skip", "redraw"))
        if self.seeds < 1:
            raise UsageError(f"seeds is {self.seeds}; it must be at least 1.")
        for epoch in self.at:
            if not 1 <= epoch <= self.config.epochs:
                raise UsageError(
                    f"--at {epoch} is outside of the training, which has {self.config.epochs} "
                    f"epochs."
                )

    @property
    def seed_numbers(self) -> range:
        return range(self.config.seed, self.config.seed + self.seeds)

    @cached_property
    def eval_epochs(self) -> tuple[int, ...]:
        """The epochs after which the holdout is evaluated; the last is always one of them."""
        last, every = self.config.epochs, self.config.evaluate_every
        return tuple(sorted({*range(every, last + 1, every), *self.at, last}))

    @property
    def report_epochs(self) -> tuple[int, ...]:
        """The epochs at which statistics are made."""
        return tuple(sorted({*self.at, self.config.epochs}))

    def check(self, registry: Registry, table: Table | None = None) -> None:
        """Refuse what cannot work, before TensorFlow is imported.

        Args:
            registry: what names stand for.
            table: the rows, where they are in memory.

        Raises:
            UsageError: a formula, model, optimizer, teacher or metric that there is not.
        """
        refuse_unsupported(self.config, "compare")
        for formula in self.formulas:
            columns = None if table is None else table.columns
            check(self.config.changed(formula=formula), registry, columns)
        for goal in self.reach:
            metric = registry.metrics.get(goal.metric)
            if metric is None:
                raise UsageError(
                    f"There is no metric '{goal.metric}' to reach."
                    f"{did_you_mean(goal.metric, registry.metrics)} "
                    f"Known: {listed(registry.metrics)}."
                )
            if metric.better is None:
                raise UsageError(
                    f"Neither more nor less of '{goal.metric}' is better, so no step reaches it."
                )


def default_evaluate_every(epochs: int) -> int:
    """Epochs between evaluations of the holdout, so that there are about twenty."""
    return max(1, epochs // _EVALUATIONS)


def parse_reach(text: str) -> Reach:
    """Read 'accuracy=0.9'.

    Raises:
        UsageError: another form.
    """
    name, _, value = text.partition("=")
    try:
        return Reach(name.strip(), float(value))
    except ValueError:
        raise UsageError(
            f"'{text}' names no goal; write --reach METRIC=VALUE, accuracy=0.9 for example."
        ) from None


def _position(baseline: str, formulas: tuple[str, ...]) -> int:
    wanted = to_text(parse(baseline))
    for position, formula in enumerate(formulas):
        if to_text(parse(formula)) == wanted:
            return position
    raise UsageError(f"The baseline '{baseline}' is not among the formulas: {listed(formulas)}.")
