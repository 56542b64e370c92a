"""Losses and balances that hold variables: their parameter `state`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tfloss.errors import PluginError
from tfloss.registry.declarations.declaration import Declaration
from tfloss.registry.signature import Signature, read_signature

STATE = "state"  # the parameter of a loss that holds variables


def signature_without_state(declaration: Declaration, state: Any) -> Signature:
    """The signature of a loss or balance, whose `state` is a parameter and no setting.

    Args:
        declaration: the loss or balance.
        state: what it declares as such; None: it holds nothing.

    Raises:
        PluginError: it declares one, and the function does not take it.
    """
    found = read_signature(declaration.function)
    if state is None:
        return found
    if STATE not in found.mandatory:
        raise PluginError(
            f"The {declaration.kind} '{declaration.name}' declares state= but has no keyword "
            f"parameter '{STATE}'."
        )
    settings = {name: value for name, value in found.settings.items() if name != STATE}
    return replace(found, settings=settings, mandatory=found.mandatory - {STATE})
