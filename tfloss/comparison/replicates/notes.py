"""What a user should know of a comparison's trainings, a sentence each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfloss.comparison.comparison import Comparison
from tfloss.comparison.replicates.seeds import SeedSetup
from tfloss.comparison.replicates.sequential import diagnosis
from tfloss.comparison.replicates.trajectories import Trajectories
from tfloss.registry import Registry

_EVENTS_TOLD = 5


def notes_of(trajectories: Sequence[Trajectories]) -> list[str]:
    """Why some were not stacked, once each, and what was done about steps that were not finite."""
    notes = list(dict.fromkeys(one.note for one in trajectories if one.note))
    events = [event for one in trajectories for event in one.events]
    more = len(events) - _EVENTS_TOLD
    rest = [f"The same, or alike, of {more} more trainings."] if more > 0 else []
    return [*notes, *events[:_EVENTS_TOLD], *rest]


def diagnosed(
    trajectories: Sequence[Trajectories],
    comparison: Comparison,
    setups: Sequence[SeedSetup],
    registry: Registry,
) -> list[str]:
    """Why the first training that stopped being finite did so."""
    for one, formula in zip(trajectories, comparison.formulas, strict=True):
        if one.diverged.any():
            setup = setups[int(np.flatnonzero(one.diverged)[0])]
            said = diagnosis(formula, comparison.config, setup, registry)
            return [f"Seed {setup.seed} of '{formula}': {said}"] if said else []
    return []
