"""Inputs for a loss: moderate ones, those at the limits, and parts of them.

Inputs are a mapping from parameter to a float64 array (weights: a list of arrays). The first axis
of all but weights is the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np

from tfloss.testing.domains import Parameter

Inputs = dict[str, Any]

_MOST_ROWS = 96  # of the combinations of all tensors' limits


def moderate(parameters: tuple[Parameter, ...], columns: int, rows: int, seed: int = 0) -> Inputs:
    """Random inputs away from every limit."""
    rng = np.random.default_rng([seed, columns])
    return {p.name: p.domain.moderate(rng, rows, p.columns(columns)) for p in parameters}


def edges(parameters: tuple[Parameter, ...], columns: int) -> Inputs:
    """Every tensor's limits with every other's; a fixed choice of them where they are too many."""
    found = {p.name: p.domain.edges(p.columns(columns)) for p in parameters}
    rowed = [name for name, value in found.items() if not isinstance(value, list)]
    combinations = list(product(*(range(len(found[name])) for name in rowed)))
    if len(combinations) > _MOST_ROWS:
        chosen = np.random.default_rng(0).choice(len(combinations), _MOST_ROWS, replace=False)
        combinations = [combinations[index] for index in sorted(chosen)]
    for name, picks in zip(rowed, zip(*combinations, strict=True), strict=True):
        found[name] = found[name][list(picks)]
    return found


def row_count(inputs: Mapping[str, Any]) -> int:
    """How many examples; 1 where a loss sees weights only."""
    return next((len(v) for v in inputs.values() if not isinstance(v, list)), 1)


def take(inputs: Mapping[str, Any], rows: Any) -> Inputs:
    """Some of the rows, in the order given."""
    return {n: v if isinstance(v, list) else v[rows] for n, v in inputs.items()}


def map_arrays(function: Callable[[Any], Any], inputs: Mapping[str, Any]) -> Inputs:
    """`function` of every array, those in lists included."""
    return {
        name: [function(v) for v in value] if isinstance(value, list) else function(value)
        for name, value in inputs.items()
    }


def joined(first: Inputs, second: Inputs) -> Inputs:
    """The rows of both; lists (weights) are the first's."""
    return {
        name: value if isinstance(value, list) else np.concatenate([value, second[name]])
        for name, value in first.items()
    }
