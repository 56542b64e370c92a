"""What a search is asked to do, and the file that keeps it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_type_hints

from tfloss.comparison.comparison import default_evaluate_every
from tfloss.comparison.search.offered import with_offered_ranges
from tfloss.comparison.search.space import Space
from tfloss.comparison.supported import refuse_unsupported
from tfloss.data import Table
from tfloss.errors import UsageError, did_you_mean, listed
from tfloss.io.atomic import write_text
from tfloss.registry import Registry
from tfloss.training.config import Config
from tfloss.training.field_types import fits
from tfloss.training.preflight import check

PLAN = "search.json"
MOST_SEEDS = 10_000  # of a search; the seeds that confirm come after


@dataclass(frozen=True)
class Plan:
    """All that decides a search; `search.json` holds it.

    Attributes:
        formula: the formula with ranges.
        optimizer: it may have ranges too.
        baseline: what the best is compared with; '': the formula with every range at its middle.
        config: the training, as plain values.
        metric: what is made better.
        seeds: trainings of each trial.
        confirm: trainings of the best and of the baseline, on rows that no trial saw.
        share: of the rows that are searched on.
    """

    formula: str
    optimizer: str
    baseline: str
    config: dict[str, Any]
    metric: str = "log_loss"
    seeds: int = 20
    confirm: int = 100
    share: float = 0.5

    @classmethod
    def of(cls, formula: str, values: Mapping[str, Any], registry: Registry, **own: Any) -> Plan:
        """A plan of plain values: `values` are a training's, `own` the search's.

        A `{}` of the formula becomes the range that its setting declares in the registry.

        Raises:
            UsageError: there is no formula, or no range for a `{}`.
        """
        values = dict(values)
        text = formula or values.get("formula", "")
        if not text:
            raise UsageError('No formula was given; say tfloss search "bce + {0.01..10:log}*l2".')
        values.pop("formula", None)
        text = with_offered_ranges(text, registry)
        optimizer = values.pop("optimizer", Config.optimizer)
        epochs = values.get("epochs", Config.epochs)
        values.setdefault("evaluate_every", default_evaluate_every(epochs))
        plain = {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}
        return cls(text, optimizer, own.pop("baseline", None) or "", plain, **own)

    def __post_init__(self) -> None:
        if not 1 <= self.seeds <= MOST_SEEDS:
            raise UsageError(f"seeds is {self.seeds}; it must be 1 to {MOST_SEEDS}.")

    @property
    def space(self) -> Space:
        return Space.of(formula=self.formula, optimizer=self.optimizer)

    def config_of(self, texts: dict[str, str]) -> Config:
        """The training with these texts for its formula and optimizer."""
        return Config.from_mapping({**self.config, **texts}, origin="The search")

    @property
    def static(self) -> Config:
        """The training of the baseline."""
        texts = self.space.filled(lambda one: one.middle)
        return self.config_of({**texts, **({"formula": self.baseline} if self.baseline else {})})


def check_plan(plan: Plan, registry: Registry, table: Table | None = None) -> None:
    """Refuse what cannot be searched, before TensorFlow is imported.

    Args:
        plan: the search.
        registry: what names stand for.
        table: the rows, where they are in memory.

    Raises:
        UsageError: a range, name, metric or setting that cannot be; or optuna is not installed.
    """
    middle = plan.config_of(plan.space.filled(lambda one: one.middle))
    for config in (plan.static, middle):
        refuse_unsupported(config, "search")
        check(config, registry, None if table is None else table.columns)
    metric = registry.metrics.get(plan.metric)
    if metric is None or metric.better is None:
        known = [n for n, m in registry.metrics.items() if m.better is not None]
        raise UsageError(
            f"A search cannot make '{plan.metric}' better.{did_you_mean(plan.metric, known)} "
            f"Choose another metric (--metric); known: {listed(known)}."
        )
    if find_spec("optuna") is None:
        raise UsageError("A search needs optuna: pip install 'tfloss[search]'.")


def write_plan(folder: Path, plan: Plan) -> None:
    """Keep the plan, so that the search can go on."""
    write_text(folder / PLAN, json.dumps(asdict(plan), indent=2) + "\n")


def read_plan(folder: Path) -> Plan:
    """The plan of a search's folder.

    Raises:
        UsageError: not such a folder.
    """
    try:
        plan = Plan(**json.loads((folder / PLAN).read_text(encoding="utf-8")))
        for name, hint in get_type_hints(Plan).items():
            value = getattr(plan, name)
            if not fits(value, dict if name == "config" else hint):
                raise TypeError(f"'{name}' cannot be {value!r:.60}")
        return plan
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"'{folder}' is not the folder of a search: {error}.") from error
