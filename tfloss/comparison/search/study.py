"""What a search is asked to do, and the file that keeps it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tfloss.comparison.search.space import Space
from tfloss.errors import UsageError
from tfloss.io.atomic import write_text
from tfloss.training.config import Config

PLAN = "search.json"
MOST_SEEDS = 10_000  # of a search; the seeds that confirm come after


@dataclass(frozen=True)
class Plan:
    """All that decides a search; `search.json` holds it.

    Attributes:
        formula: the formula with ranges.
        optimizer: it may have ranges too.
        baseline: the formula that does without; every range at its middle where it is empty.
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
    metric: str
    seeds: int = 20
    confirm: int = 100
    share: float = 0.5

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


def write_plan(folder: Path, plan: Plan) -> None:
    """Keep the plan, so that the search can go on."""
    write_text(folder / PLAN, json.dumps(asdict(plan), indent=2) + "\n")


def read_plan(folder: Path) -> Plan:
    """The plan of a search's folder.

    Raises:
        UsageError: not such a folder.
    """
    try:
        return Plan(**json.loads((folder / PLAN).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"'{folder}' is not the folder of a search: {error}.") from error
