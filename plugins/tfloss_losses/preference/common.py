"""What the losses of preference share."""

from __future__ import annotations

from typing import Any

PAIR = "(chosen=hidden1, rejected=hidden2, ref_chosen=slope, ref_rejected=other_domain)"


def gains(chosen: Any, rejected: Any, ref_chosen: Any, ref_rejected: Any) -> tuple[Any, Any]:
    """How much likelier than to the reference each answer is, as logarithms."""
    return chosen - ref_chosen, rejected - ref_rejected
