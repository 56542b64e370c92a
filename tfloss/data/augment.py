"""More rows for a teacher to label: training rows, slightly moved."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tfloss.data.columns import Columns
from tfloss.data.prepared import PreparedData
from tfloss.errors import UsageError


def augment(
    data: PreparedData, *, times: float = 1.0, noise: float = 0.1, seed: int = 0
) -> PreparedData:
    """Add rows without a label next to the training rows, for a teacher to predict.

    Each new row is a training row, drawn at random, plus Gaussian noise. It has no label and no
    extra columns: these are masked, so it counts in the terms that ask for a teacher only.

    Args:
        data: what to add to; the holdout stays as it is.
        times: how many new rows for each training row.
        noise: standard deviation of the noise, in standard deviations of each feature among the
            training rows.
        seed: of the choice and of the noise.

    Raises:
        UsageError: a negative number.
    """
    if not (times >= 0 and noise >= 0 and np.isfinite([times, noise]).all()):
        raise UsageError(f"Rows cannot be added {times} times with noise {noise}; give 0 or more.")
    if data.encoder is not None and times:
        raise UsageError(
            f"Rows cannot be added to '{data.name}' (augment): it has text or gaps, which noise "
            f"cannot move; leave augment out, or use features that are numbers only."
        )
    part = data.train
    count = round(times * len(part))
    if count == 0:
        return data
    random = np.random.default_rng(seed)
    origin = random.integers(len(part), size=count)
    spread = part.inputs.std(axis=0, dtype=np.float64)
    moved = part.inputs[origin] + noise * spread * random.normal(size=(count, data.n_features))
    moved = moved.astype(np.float32)
    features = moved if data.scaler is None else data.scaler.restore(moved)
    return replace(data, train=_with_rows(part, moved, features, origin))


def _with_rows(
    part: Columns, inputs: np.ndarray, features: np.ndarray, origin: np.ndarray
) -> Columns:
    """The part, and these inputs behind it; nothing else is known of them."""
    count = len(inputs)
    columns = {
        name: np.concatenate([values, np.zeros((count, *values.shape[1:]), values.dtype)])
        for name, values in part.values.items()
    }
    columns["inputs"] = np.concatenate([part.inputs, inputs])
    all_there = np.ones(len(part), dtype=bool)
    present = {}
    for name in columns:
        if name != "inputs":
            there = part.present.get(name, all_there)
            present[name] = np.concatenate([there, np.zeros((count, *there.shape[1:]), dtype=bool)])
    weight, by_class = part.sample_weight, part.class_weight
    return Columns(
        columns,
        rows=np.concatenate([part.rows, part.rows[origin]]),
        # Regression has no codes.
        codes=np.concatenate([part.codes, np.full(count if len(part.codes) else 0, -1)]),
        present=present,
        sample_weight=None if weight is None else np.concatenate([weight, weight[origin]]),
        features=None if part.features is None else np.concatenate([part.features, features]),
        # They have no label, so no class weighs them.
        class_weight=None if by_class is None else np.pad(by_class, (0, count), constant_values=1),
    )
