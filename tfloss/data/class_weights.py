"""`class_weight`: rows of some classes count more in training; scores count all rows alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tfloss.data.classes import Classes, label_text
from tfloss.data.columns import Columns
from tfloss.errors import UsageError, did_you_mean, listed

BALANCED = "balanced"


def with_class_weights(
    part: Columns, classes: Classes | None, class_weight: Any, name: str
) -> Columns:
    """The rows with a weight for each, by its class; rows without a label keep the weight 1.

    Args:
        part: training rows.
        classes: of their labels; None for regression.
        class_weight: see `read_class_weight`; None: the rows as they are.
        name: of the data, for messages.

    Raises:
        UsageError: a quantity, a class that there is not, or a weight that is no number from 0 on.
    """
    wanted = read_class_weight(class_weight)
    if wanted is None:
        return part
    if classes is None:
        raise UsageError(
            f"class_weight is about classes, and the target of '{name}' is a quantity; leave it "
            f"out, or weigh rows by a column (weight)."
        )
    weights = np.ones(
        len(classes) + 1
    )  # the last is that of rows without a label, whose code is -1
    if wanted == BALANCED:
        present, counts = np.unique(part.codes[part.codes >= 0], return_counts=True)
        weights[present] = counts.sum() / (len(present) * counts)
    else:
        for label, weight in wanted.items():
            weights[_position(label, classes, name)] = _number(label, weight)
    if not weights[part.codes].any():
        raise UsageError(f"class_weight is 0 for all training rows of '{name}'.")
    return replace(part, class_weight=weights[part.codes].astype(np.float32))


def read_class_weight(given: Any) -> Any:
    """'balanced', a mapping from classes to weights, or None for no weights.

    Args:
        given: one of these; or texts, `["no=1", "yes=3"]` or `"no=1,yes=3"`, as on the command
            line. 'balanced' weighs a class by rows / (classes · rows of that class), as
            scikit-learn does.

    Raises:
        UsageError: something else.
    """
    if given is None or (isinstance(given, (list, tuple)) and not given):
        return None
    if isinstance(given, Mapping):
        return given
    texts: Sequence[Any] = [given] if isinstance(given, str) else given
    if not isinstance(texts, (list, tuple)) or not all(isinstance(one, str) for one in texts):
        raise UsageError(f"class_weight cannot be {given!r}; {_KNOWN}")
    parts = [part.strip() for text in texts for part in text.split(",")]
    if parts == [BALANCED]:
        return BALANCED
    weights = {}
    for part in parts:
        label, sign, weight = part.rpartition("=")
        try:
            weights[label.strip()] = float(weight)
        except ValueError:
            sign = ""
        if not sign:
            raise UsageError(
                f"class_weight cannot be '{part}'.{did_you_mean(part, [BALANCED])} {_KNOWN}"
            )
    return weights


_KNOWN = "Say 'balanced', or a weight for each class, no=1,yes=3 for example."


def _position(label: Any, classes: Classes, name: str) -> int:
    """By the label as it stands in the data, or by its text."""
    values = classes.values.tolist()
    for known in (values, [label_text(value) for value in values], list(classes.names)):
        if label in known:
            return known.index(label)
    texts = [label_text(value) for value in values]
    raise UsageError(
        f"class_weight names the class {label!r}, which '{name}' does not have."
        f"{did_you_mean(label_text(label), texts)} Its classes: {listed(texts)}."
    )


def _number(label: Any, weight: Any) -> float:
    try:
        number = float(weight)
    except (TypeError, ValueError):
        number = np.nan
    if not (np.isfinite(number) and number >= 0):
        raise UsageError(f"class_weight is {weight!r} for {label!r}; a weight is a number from 0.")
    return number
