"""Keras optimizers by name: `adam`, `sgd:learning_rate=0.05,momentum=0.9`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfloss.errors import UsageError, did_you_mean, listed
from tfloss.formula import ShortText, parse_short_text
from tfloss.lazy import keras

# Known here so that a misspelt name is found before Keras is imported; a test compares the list
# with what Keras has.
CLASSES = {
    "adadelta": "Adadelta",
    "adafactor": "Adafactor",
    "adagrad": "Adagrad",
    "adam": "Adam",
    "adamax": "Adamax",
    "adamw": "AdamW",
    "ftrl": "Ftrl",
    "lamb": "Lamb",
    "lion": "Lion",
    "muon": "Muon",
    "nadam": "Nadam",
    "rmsprop": "RMSprop",
    "schedulefreeadamw": "ScheduleFreeAdamW",
    "sgd": "SGD",
}


# Whose state begins as a copy of the weights.
_FROM_WEIGHTS = frozenset({"ScheduleFreeAdamW"})
_BEGINS_WITH = "_tfloss_begins_with"


def check_optimizer(text: str) -> ShortText:
    """Read an optimizer's text, without importing Keras.

    Raises:
        UsageError: no optimizer of that name, or a value without a name.
    """
    specification = parse_short_text(text, what="optimizer")
    if specification.name.lower() not in CLASSES:
        raise UsageError(
            f"There is no optimizer called '{specification.name}'."
            f"{did_you_mean(specification.name, CLASSES)} Known: {listed(CLASSES)}."
        )
    if specification.values:
        raise UsageError(
            f"The optimizer '{text}' has a value without a name; write "
            f"{specification.name}:learning_rate={specification.values[0]}."
        )
    return specification


def make_optimizer(optimizer: str | Any) -> Any:
    """Make the Keras optimizer that a text describes, or take one as it is.

    Raises:
        UsageError: an unknown name, or a setting that the optimizer refuses.
    """
    if not isinstance(optimizer, str):
        return optimizer
    specification = check_optimizer(optimizer)
    kind = getattr(keras.optimizers, CLASSES[specification.name.lower()])
    settings = dict(specification.settings)
    if isinstance(settings.get("learning_rate"), int):  # which Keras refuses
        settings["learning_rate"] = float(settings["learning_rate"])
    try:
        return kind(**settings)
    except (TypeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(f"Keras refuses the optimizer '{optimizer}': {reason}") from error


def build_optimizer(optimizer: Any, variables: list[Any]) -> None:
    """Build an optimizer, and note what it begins with, so that it can begin again.

    Making variables takes Keras a millisecond or two for each, setting them a tenth of that.
    """
    if optimizer.built:
        return
    optimizer.build(variables)
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if not getattr(inner, "use_ema", False) and type(inner).__name__ not in _FROM_WEIGHTS:
        vars(optimizer)[_BEGINS_WITH] = [_number_in_all_of(one) for one in optimizer.variables]


def reset_optimizer(optimizer: Any, fresh: Any, variables: list[Any]) -> None:
    """Give an optimizer the state of one that was just made.

    Args:
        optimizer: whose variables a program has.
        fresh: made from the same text.
        variables: what it trains.
    """
    if not optimizer.built:
        return
    numbers = vars(optimizer).get(_BEGINS_WITH, [None])
    if None not in numbers and len(numbers) == len(optimizer.variables):
        for variable, number in zip(optimizer.variables, numbers, strict=True):
            variable.assign(np.full(tuple(variable.shape), number))
        return
    fresh.build(variables)
    for old, new in zip(optimizer.variables, fresh.variables, strict=True):
        old.assign(new)


def _number_in_all_of(variable: Any) -> Any:
    """The number that fills a variable; None where there are several."""
    values = np.asarray(variable)
    return values.flat[0] if values.size and (values == values.flat[0]).all() else None
