"""The total of a formula's terms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfloss.lazy import tf


def total_of(terms: Sequence[Any]) -> Any:
    """The sum of scalars, always added in one order.

    `tf.add_n` adds into whichever of its operands nothing else needs any more, so that the order,
    and with it the last bit, would depend on which thread was first.
    """
    return tf.reduce_sum(tf.stack(terms))
