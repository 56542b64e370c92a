"""What the losses of ranking metrics share."""

from __future__ import annotations

import math
from typing import Any

from tfloss import tf

GRADES = {"labels": "grades"}


SAME = ("labels", "prediction")


def gains(relevance: Any) -> Any:
    """2 to the power of the relevance, less 1."""
    return tf.math.expm1(relevance * math.log(2))
