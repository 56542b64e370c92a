"""No holdout row reaches fit, scaler or teacher; a row's teacher has not seen it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.teachers.spies import Spy
from tfloss.data import PreparedData, Table, prepare
from tfloss.teachers import fit_teachers


class Remembering(Spy):
    """Knows, besides, which copy of it was fitted on what and asked about what."""

    log: list[tuple[str, int, np.ndarray]] = []  # noqa: RUF012 - shared by all copies on purpose
    alive: list[object] = []  # noqa: RUF012 - so that no number of a copy is used twice

    def fit(self, X, y, sample_weight=None):
        self.alive.append(self)
        self.log.append(("fitted", id(self), X.copy()))
        return super().fit(X, y)

    def predict_proba(self, X):
        self.log.append(("asked", id(self), X.copy()))
        return super().predict_proba(X)


def split_of(seed: int) -> tuple[Table, PreparedData]:
    """A table whose first feature is the row's number, and one of its splits."""
    generator = np.random.default_rng(seed)
    rows, classes = int(generator.integers(60, 200)), int(generator.integers(2, 4))
    features = np.column_stack([np.arange(rows), generator.normal(size=(rows, 3))])
    target = np.arange(rows) % classes
    generator.shuffle(target)
    table = Table(features, target)
    fraction, stratify = float(generator.uniform(0.4, 0.9)), bool(seed % 2)
    scale = ("none", "standard", "minmax")[seed % 3]
    return table, prepare(table, train_fraction=fraction, stratify=stratify, scale=scale, seed=seed)


def numbers(inputs: np.ndarray) -> set[int]:
    """The rows' numbers, read from what an estimator was shown: features as the table has them."""
    first = np.asarray(inputs, np.float64)[:, 0]
    return set(np.rint(first).astype(int).tolist())


@pytest.mark.parametrize("how", ["cross", "train"])
def test_a_spy_over_random_splits(registry, full_size, how):
    for seed in range(100 if full_size else 12):
        table, data = split_of(seed)
        train, holdout = set(data.train.rows.tolist()), set(data.holdout.rows.tolist())
        assert not train & holdout
        assert train | holdout == set(range(len(table)))

        if data.scaler is not None:  # fitted on the training rows only
            own = table.features[data.train.rows]
            least = data.scaler.kind == "minmax"
            center, scale = (own.min(0), np.ptp(own, 0)) if least else (own.mean(0), own.std(0))
            np.testing.assert_allclose(data.scaler.center, center, rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(data.scaler.scale, scale, rtol=1e-9)

        Remembering.log.clear()
        fit_teachers({"t": Remembering(max_iter=2000)}, data, registry, fit=how, seed=seed)
        seen: dict[int, set[int]] = {}
        answered: set[int] = set()
        for event, copy, inputs in Remembering.log:
            rows = numbers(inputs)
            if event == "fitted":
                seen[copy] = seen.get(copy, set()) | rows
                assert rows <= train, f"seed {seed}: a holdout row was fitted on"
            elif seen[copy] != train:  # a copy for one fold
                assert not rows & seen[copy], f"seed {seed}: a row's own teacher has seen it"
                answered |= rows
        if how == "cross":
            assert answered == train
            assert len(seen) > 1
