"""Keras optimizers by name: `adam`, `sgd:learning_rate=0.05,momentum=0.9`."""

from __future__ import annotations

from typing import Any

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
