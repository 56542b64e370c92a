"""The inputs on which peers are compared; numpy only, as peers' environments have no TensorFlow."""

from __future__ import annotations

import numpy as np

_RANDOM = np.random.default_rng(20)
_NUMBERS = _RANDOM.normal(size=(5, 6, 4))
_CHOSEN = np.arange(6) % 4

INPUTS = {
    "yes_no": {"labels": (_NUMBERS[0] > 0) * 1.0, "logits": _NUMBERS[1]},
    "classes": {"labels": np.eye(4)[_CHOSEN], "logits": _NUMBERS[1]},
    "shares": {
        "labels": np.exp(_NUMBERS[0]) / np.exp(_NUMBERS[0]).sum(axis=1, keepdims=True),
        "logits": _NUMBERS[1],
    },
    "numbers": {"labels": _NUMBERS[0], "prediction": _NUMBERS[1]},
    "amounts": {"labels": np.exp(_NUMBERS[0]), "prediction": np.exp(_NUMBERS[1])},
    "counts": {"labels": np.floor(np.exp(_NUMBERS[0])), "prediction": _NUMBERS[1]},
    "triplets": {"a": _NUMBERS[1], "p": _NUMBERS[2], "n": _NUMBERS[3]},
    "spread": {"labels": _NUMBERS[0], "mean": _NUMBERS[1], "log_variance": _NUMBERS[2]},
    "pairs": {"labels": (_NUMBERS[0] > 0) * 1.0, "a": _NUMBERS[1], "b": _NUMBERS[2]},
}

_MORE = np.random.default_rng(21)
_LOW = _MORE.uniform(0, 5, size=(2, 6, 2))
_CODES = np.array([0, 1, 2, 0, 1, 2, 0, 1.0])[:, None]

INPUTS |= {
    "views": {"first": _MORE.normal(size=(6, 4)), "second": _MORE.normal(size=(6, 4))},
    "embedding": {"labels": _CODES, "embedding": _MORE.normal(size=(8, 4))},
    "boxes": dict(
        zip(
            ("labels", "prediction"),
            np.concatenate([_LOW, _LOW + _MORE.uniform(0.5, 4, size=_LOW.shape)], axis=-1),
            strict=True,
        )
    ),
    "pictures": {
        "labels": _MORE.uniform(size=(2, 12, 12, 1)),
        "prediction": _MORE.uniform(size=(2, 12, 12, 1)),
    },
    "depths": {
        "disparity": _MORE.uniform(size=(2, 8, 8, 1)),
        "image": _MORE.uniform(size=(2, 8, 8, 3)),
    },
    "waves": {
        "labels": (wave := _MORE.normal(size=(3, 400))),
        "prediction": 0.8 * wave + 0.5 * _MORE.normal(size=(3, 400)),
    },
    "masks": {
        "labels": _MORE.integers(0, 2, size=(3, 6, 6, 1)) * 1.0,
        "logits": _MORE.normal(size=(3, 6, 6, 1)),
    },
    "fields": {"field": _MORE.normal(size=(2, 8, 8, 2))},
    "survival": {
        "time": _MORE.uniform(0, 5, size=9),
        "event": np.array([1.0, 1, 0, 1, 0, 1, 1, 0, 1]),
        "logits": _MORE.normal(size=(9, 6)),
    },
    "lists": {
        "labels": _MORE.integers(0, 2, size=(4, 6)) * 1.0,
        "prediction": _MORE.normal(size=(4, 6)),
    },
}
