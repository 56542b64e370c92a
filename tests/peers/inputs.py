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
