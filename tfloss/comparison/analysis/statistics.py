"""Intervals, paired differences and tests over replicates; plain numpy and scipy.

Every interval holds 95 %. Means and differences of means get a BCa bootstrap interval (Efron 1987),
shares get Wilson's (1927), paired differences are tested by flipping their signs (Fisher's test
for pairs), and p-values of one result are corrected by Holm's method (1979).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np

LEVEL = 0.95
_RESAMPLES = 1999
_FLIPS = 99_999
_EXACT = 13  # pairs; up to here every pattern of signs is tried
_SEED = 20


@dataclass(frozen=True)
class Estimate:
    """A mean and its interval; `low` and `high` are NaN where there are too few values."""

    mean: float
    low: float
    high: float
    count: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def mean_of(values: np.ndarray) -> Estimate:
    """The mean of (R,) values and its BCa interval; values that are not finite are left out."""
    values = np.asarray(values, np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return Estimate(np.nan, np.nan, np.nan, 0)
    mean = float(values.mean())
    if len(values) < 3:
        return Estimate(mean, np.nan, np.nan, len(values))
    if np.ptp(values) <= 1e-12 * max(abs(mean), 1e-300):
        return Estimate(mean, mean, mean, len(values))
    return Estimate(mean, *_bootstrapped(values), len(values))


def _bootstrapped(values: np.ndarray) -> tuple[float, float]:
    from scipy.stats import bootstrap

    def interval(method: str) -> tuple[float, float]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a degenerate distribution gives NaN, handled below
            found = bootstrap(
                (values,),
                np.mean,
                n_resamples=_RESAMPLES,
                confidence_level=LEVEL,
                method=method,
                rng=np.random.default_rng(_SEED),
            ).confidence_interval
        return float(found.low), float(found.high)

    both = interval("BCa")
    return both if np.isfinite(both).all() else interval("percentile")


def share_of(values: np.ndarray) -> Estimate:
    """A share of yes (1) and no (0), a tie counting half (0.5), with Wilson's interval."""
    from scipy.stats import norm

    values = np.asarray(values, np.float64)
    values = values[np.isfinite(values)]
    count = len(values)
    if not count:
        return Estimate(np.nan, np.nan, np.nan, 0)
    share, z = float(values.mean()), float(norm.ppf(0.5 + LEVEL / 2))
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    return Estimate(share, max(0.0, middle - half), min(1.0, middle + half), count)


def sign_flip_p(differences: np.ndarray) -> float:
    """Two-sided p of the hypothesis that the differences are symmetric about 0.

    With few pairs every pattern of signs is tried, else 99,999 at random; the smallest p that can
    come out is then 0.00001.
    """
    d = np.asarray(differences, np.float64)
    d = d[np.isfinite(d)]
    if len(d) < 2 or not d.any():
        return 1.0
    d = (d / np.abs(d).max()).astype(np.float32)
    patterns = _patterns(len(d))
    flipped = np.abs(2 * (patterns @ d) - d.sum())  # of signs +1 where a bit is set, else -1
    as_large = int((flipped >= abs(d.sum()) * (1 - 1e-5)).sum())  # rounding must not undo a tie
    return as_large / len(flipped) if len(d) <= _EXACT else (as_large + 1) / (len(flipped) + 1)


@lru_cache(maxsize=2)
def _patterns(count: int) -> np.ndarray:
    """Patterns of bits, (patterns, count) float32."""
    bits: np.ndarray
    if count <= _EXACT:
        bits = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
    else:
        packed = np.random.default_rng(_SEED).bytes(_FLIPS * -(-count // 8))
        rows = np.frombuffer(packed, np.uint8).reshape(_FLIPS, -1)
        bits = np.unpackbits(rows, axis=1, count=count)
    return bits.astype(np.float32)


def holm(p: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979), in the same order."""
    order = np.argsort(p)
    corrected = np.empty(len(p))
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - rank) * p[place]))
        corrected[place] = highest
    return corrected.tolist()


def steps_to(curve: np.ndarray, steps: np.ndarray, value: float, better: str) -> np.ndarray:
    """(R,) the first of `steps` (L,) at which `curve` (L, R) reaches `value`; inf for never."""
    good = curve >= value if better == "higher" else curve <= value
    first = good.argmax(axis=0)
    return np.where(good.any(axis=0), steps[first].astype(np.float64), np.inf)
