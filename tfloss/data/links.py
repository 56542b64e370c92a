"""What a regressor's outputs are of the quantity that it predicts: the same, its log, its logit."""

from __future__ import annotations

import numpy as np

IDENTITY, LOG, LOGIT = "identity", "log", "logit"


def to_units(logits: np.ndarray, link: str) -> np.ndarray:
    """A regressor's predictions in the target's units, from its outputs; float64."""
    logits = np.asarray(logits, np.float64)
    if link == LOGIT:
        from scipy.special import expit

        return np.asarray(expit(logits), np.float64)
    return np.exp(logits) if link == LOG else logits
