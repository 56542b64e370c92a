"""JSON without NaN and infinity."""

from __future__ import annotations

import json
import math
from typing import Any


def finite(value: Any) -> Any:
    """NaN and infinity, at any depth, as null: Python writes words that other programs refuse."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def as_json(value: Any, indent: int | None = None) -> str:
    """Text without NaN and infinity."""
    return json.dumps(finite(value), indent=indent, allow_nan=False)
