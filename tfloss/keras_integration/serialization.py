"""Losses and networks of a user's own, found again when a model is loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from tfloss.errors import UsageError
from tfloss.formula import FormulaError
from tfloss.keras_integration.binding import names_in
from tfloss.lazy import keras
from tfloss.registry import Declaration
from tfloss.student.frozen import frozen

T = TypeVar("T")


def rebuilt(formula: str, make: Callable[[list[Declaration]], T]) -> T:
    """What `make` makes of the losses that are registered with Keras.

    Raises:
        UsageError: neither Keras nor a plugin has a loss that the formula calls.
    """
    try:
        return make(_registered(formula))
    except FormulaError as error:
        if " called '" not in error.message:
            raise
        raise UsageError(
            f"{error.message} If it is a loss or a network of your program: load_model(path, "
            f"custom_objects={{name: loss}}), or register it with "
            f"keras.saving.register_keras_serializable()."
        ) from None


def _registered(formula: str) -> list[Declaration]:
    """What a formula names, from `custom_objects` or registered in any package."""
    everywhere: dict[str, Any] = {
        thing.name: thing
        for thing in keras.saving.get_custom_objects().values()
        if isinstance(thing, Declaration)
    }
    names = sorted(names_in(formula))
    found = [keras.saving.get_registered_object(n) or everywhere.get(n) for n in names]
    networks = {
        name: thing
        for name in names
        if isinstance(thing := keras.saving.get_registered_object(name), keras.Model)
    }
    return [
        *(thing for thing in found if isinstance(thing, Declaration)),
        *(frozen(name, model) for name, model in networks.items()),
    ]
