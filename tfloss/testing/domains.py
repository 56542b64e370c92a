"""Which values a tensor can take, by the name of its parameter.

The kit calls a loss that it has never seen. What it hands over follows from the parameters' names,
as tfloss binds them everywhere; a loss whose names do not tell says so in its declaration,
`domains={"prediction": "log_amounts"}`. `*2` behind a domain means twice the columns of the others,
`*any` a number of columns of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfloss.errors import UsageError, did_you_mean, listed

Array = Any  # an array, or for weights a list of arrays
Rng = np.random.Generator

SUBNORMAL = 1e-40  # in float32; processors and XLA may flush it to zero
LARGE = 1e4


@dataclass(frozen=True)
class Domain:
    """What values a tensor takes.

    Attributes:
        name: as `domains=` says it.
        describes: in words, for messages.
        moderate: (rng, rows, columns) -> array; away from limits, kinks and floors.
        edges: columns -> array of any number of rows: the limits, one row each.
        integer: whether it holds whole numbers of an integer dtype; no gradient then.
    """

    name: str
    describes: str
    moderate: Callable[[Rng, int, int], Array]
    edges: Callable[[int], Array]
    integer: bool = False


def one_hot(which: np.ndarray, columns: int) -> np.ndarray:
    """(n, columns) float64; for one column (n, 1), the second class being 1."""
    return (which % 2)[:, None].astype(float) if columns == 1 else np.eye(columns)[which % columns]


def _classes(rng: Rng, rows: int, columns: int) -> Array:
    return one_hot(rng.permutation(rows), columns)


def _every_class(columns: int) -> Array:
    return one_hot(np.array(sorted({0, 1, max(columns - 1, 1)})), columns)


def _probabilities(rng: Rng, rows: int, columns: int) -> Array:
    if columns == 1:
        return rng.uniform(0.05, 0.95, (rows, 1))
    shares = rng.uniform(0.2, 1.0, (rows, columns))
    return shares / shares.sum(axis=1, keepdims=True)


def _certain(columns: int) -> Array:
    if columns == 1:
        return np.array([[0.0], [1.0], [0.5], [SUBNORMAL], [1e-9], [1 - 1e-7]])
    first = np.eye(columns)[0]
    nearly = np.where(first > 0, 1.0, SUBNORMAL)
    return np.stack([first, np.eye(columns)[-1], np.full(columns, 1 / columns), nearly])


def _numbers(rng: Rng, rows: int, columns: int) -> Array:
    return rng.normal(size=(rows, columns))


def _limits(size: float) -> Callable[[int], Array]:
    """Zero, small, subnormal, and ±size in patterns."""

    def edges(columns: int) -> Array:
        ramp = np.linspace(1, -1, columns) if columns > 1 else np.ones(1)
        scales = [0.0, SUBNORMAL, 1.0, -1.0, size, -size]
        rows = [scale * ramp for scale in scales]
        return np.stack([*rows, np.full(columns, size)])

    return edges


def _amounts(rng: Rng, rows: int, columns: int) -> Array:
    return rng.uniform(0.5, 3.0, (rows, columns))


def _unit(rng: Rng, rows: int, columns: int) -> Array:
    return rng.uniform(-0.9, 0.9, (rows, columns))


def _weights(rng: Rng, rows: int, columns: int) -> Array:
    return [rng.normal(size=(rows, columns)), rng.normal(size=columns)]


def _weight_edges(columns: int) -> Array:
    return [_limits(LARGE)(columns), np.zeros(columns)]


_PICTURE = (12, 12)  # the smallest that windows of eleven pixels fit into


def _chequered(columns: int) -> np.ndarray:
    """An image of fields of 0 and 1, four pixels wide."""
    fields = np.indices(_PICTURE).sum(axis=0) // 4 % 2
    return np.repeat(fields[..., None].astype(float), columns, axis=-1)


DOMAINS: dict[str, Domain] = {
    domain.name: domain
    for domain in (
        Domain("classes", "one-hot rows, or a column of 0 and 1", _classes, _every_class),
        Domain("probabilities", "rows that add up to one, or a column", _probabilities, _certain),
        Domain(
            "yes_no",
            "0 or 1 in each column, independently",
            lambda rng, rows, columns: (rng.permutation(rows * columns) % 2.0).reshape(
                rows, columns
            ),
            lambda columns: np.stack(
                [np.arange(columns) % 2.0, np.zeros(columns), np.ones(columns)]
            ),
        ),
        Domain(
            "chances",
            "a probability in each column, independently",
            lambda rng, rows, columns: rng.uniform(0.05, 0.95, (rows, columns)),
            lambda columns: np.stack(
                [np.full(columns, p) for p in (0, 1, 0.5, SUBNORMAL, 1 - 1e-7)]
            ),
        ),
        Domain("logits", "any number, before a softmax or sigmoid", _numbers, _limits(LARGE)),
        Domain("numbers", "any number", _numbers, _limits(LARGE)),
        Domain(
            "amounts",
            "numbers from 0",
            _amounts,
            lambda columns: np.stack([np.full(columns, size) for size in (0, SUBNORMAL, 1, LARGE)]),
        ),
        Domain(
            "counts",
            "whole numbers from 0, as floats",
            lambda rng, rows, columns: rng.integers(1, 6, (rows, columns)).astype(float),
            lambda columns: np.stack([np.full(columns, float(size)) for size in (0, 1, 10_000)]),
        ),
        Domain("log_amounts", "logarithms of amounts, up to ±30", _numbers, _limits(30.0)),
        Domain(
            "log_chances",
            "logarithms of probabilities, below 0",
            lambda rng, rows, columns: np.log(rng.uniform(0.05, 0.95, (rows, columns))),
            lambda columns: np.stack([np.full(columns, size) for size in (-1e4, -1.0, -1e-6)]),
        ),
        Domain(
            "unit",
            "numbers between -1 and 1, cosines for example",
            _unit,
            lambda columns: np.stack([np.full(columns, size) for size in (-1.0, 0.0, 1.0)]),
        ),
        Domain(
            "grades",
            "relevance: 0, 1, 2, 3 or 4, as floats",
            lambda rng, rows, columns: rng.integers(0, 5, (rows, columns)).astype(float),
            lambda columns: np.stack([np.zeros(columns), np.arange(columns) % 5.0]),
        ),
        Domain(
            "indices",
            "(batch,) whole numbers below the number of columns (two for one column)",
            lambda rng, rows, columns: rng.permutation(rows) % max(columns, 2),
            lambda columns: np.array([0, max(columns, 2) - 1]),
            integer=True,
        ),
        Domain(
            "groups",
            "(batch,) 0 or 1, as floats",
            lambda rng, rows, columns: rng.permutation(rows) % 2.0,
            lambda columns: np.array([0.0, 1.0]),
        ),
        Domain(
            "maps",
            "(batch, 4, 4, columns), any number",
            lambda rng, rows, columns: rng.normal(size=(rows, 4, 4, columns)),
            lambda columns: np.broadcast_to(
                _limits(LARGE)(columns)[:, None, None, :], (7, 4, 4, columns)
            ).copy(),
        ),
        Domain(
            "images",
            "(batch, 12, 12, columns), numbers from 0 to 1",
            lambda rng, rows, columns: rng.uniform(0.1, 0.9, (rows, *_PICTURE, columns)),
            lambda columns: np.stack(
                [np.zeros((*_PICTURE, columns)), np.ones((*_PICTURE, columns)), _chequered(columns)]
            ),
        ),
        Domain(
            "wide_maps",
            "(batch, 12, 12, columns), any number",
            lambda rng, rows, columns: rng.normal(size=(rows, *_PICTURE, columns)),
            lambda columns: np.broadcast_to(
                _limits(LARGE)(columns)[:, None, None, :], (7, *_PICTURE, columns)
            ).copy(),
        ),
        Domain(
            "sequences",
            "(batch, 5, columns), any number",
            lambda rng, rows, columns: rng.normal(size=(rows, 5, columns)),
            lambda columns: np.broadcast_to(
                _limits(LARGE)(columns)[:, None, :], (7, 5, columns)
            ).copy(),
        ),
        Domain(
            "tokens",
            "(batch, 5) whole numbers below the number of columns (two for one column)",
            lambda rng, rows, columns: rng.integers(0, max(columns, 2), (rows, 5)),
            lambda columns: np.array([[0] * 5, [max(columns, 2) - 1] * 5]),
            integer=True,
        ),
        Domain(
            "times",
            "(batch,) numbers above 0, how long it took",
            lambda rng, rows, columns: rng.uniform(0.5, 3.0, rows),
            lambda columns: np.array([1e-6, 1.0, LARGE]),
        ),
        Domain(
            "sample_weight",
            "(batch,) numbers from 0",
            lambda rng, rows, columns: rng.uniform(0.5, 2.0, rows),
            lambda columns: np.array([1.0, 0.0]),
        ),
        Domain("weights", "a list of the student's weights", _weights, _weight_edges),
    )
}

# What a parameter's name says; any other name is 'numbers'.
BY_NAME: dict[str, str] = {
    "labels": "classes",
    "logits": "logits",
    "student_logits": "logits",
    "teacher_logits": "logits",
    "probs": "probabilities",
    "teacher": "probabilities",
    "sample_weight": "sample_weight",
    "weights": "weights",
}

# What a loss takes as given; gradients are asked for with respect to everything else.
_TARGETS = ("labels", "teacher", "target", "targets", "sample_weight")


@dataclass(frozen=True)
class Parameter:
    """A tensor of a loss, with its domain.

    Attributes:
        name: the parameter's name.
        domain: which values it takes.
        factor: how many columns it has for each of the others; None: a number of its own.
    """

    name: str
    domain: Domain
    factor: int | None = 1

    @property
    def is_target(self) -> bool:
        return self.name in _TARGETS or self.name.startswith("teacher_")

    def columns(self, columns: int) -> int:
        return columns + 1 if self.factor is None else columns * self.factor


def parameters_of(
    positional: tuple[str, ...], said: Mapping[str, str | Domain]
) -> tuple[Parameter, ...]:
    """The parameters of a loss with their domains.

    Args:
        positional: the names of its tensors.
        said: domains by parameter, which go before what the names say.

    Raises:
        UsageError: a parameter or a domain that is not there.
    """
    for name in said:
        if name not in positional:
            raise UsageError(
                f"domains= names '{name}', which is no tensor of the loss."
                f"{did_you_mean(name, positional)} It has: {listed(positional)}."
            )
    return tuple(_parameter(name, positional, said) for name in positional)


def _parameter(
    name: str, positional: tuple[str, ...], said: Mapping[str, str | Domain]
) -> Parameter:
    wanted = said.get(name) or _guess(name, positional)
    if isinstance(wanted, Domain):
        return Parameter(name, wanted)
    base, _, factor = wanted.partition("*")
    if base not in DOMAINS:
        raise UsageError(
            f"There is no domain '{base}'.{did_you_mean(base, DOMAINS)} Known: {listed(DOMAINS)}."
        )
    return Parameter(name, DOMAINS[base], None if factor == "any" else int(factor or 1))


def _guess(name: str, positional: tuple[str, ...]) -> str:
    # Labels next to a prediction are quantities; next to logits or probabilities they are classes.
    if name == "labels" and "prediction" in positional and "logits" not in positional:
        return "numbers"
    return "maps" if name.endswith("maps") else BY_NAME.get(name, "numbers")
