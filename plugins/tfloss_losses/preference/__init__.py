"""Learning from preferences: of two answers, one was liked better.

chosen, rejected: (batch, …), the log-probability that the student gives to the better and to the
worse answer, summed over its tokens; ref_chosen, ref_rejected: the same of the frozen model that
training started from, columns of the data. All losses are about their differences.
"""

from __future__ import annotations

from typing import Any

import tfloss
from tfloss_losses.preference.against_reference import discopop, dpo, exo, ipo, robust_dpo
from tfloss_losses.preference.each_answer import apo_down, apo_zero, nca_pair, sppo
from tfloss_losses.preference.reference_free import bradley_terry, odds_ratio, simpo, slic
from tfloss_losses.preference.unpaired import bco, kto

__all__ = [
    "apo_down",
    "apo_zero",
    "bco",
    "bradley_terry",
    "discopop",
    "dpo",
    "exo",
    "ipo",
    "kto",
    "nca_pair",
    "odds_ratio",
    "robust_dpo",
    "simpo",
    "slic",
    "sppo",
]


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [
        dpo,
        robust_dpo,
        ipo,
        simpo,
        slic,
        odds_ratio,
        bradley_terry,
        apo_zero,
        apo_down,
        sppo,
        nca_pair,
        exo,
        discopop,
        kto,
        bco,
    ]
