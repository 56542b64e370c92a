"""What the losses in formulas are, in LaTeX."""

from __future__ import annotations

from collections.abc import Iterable

from tfloss.formula.tokens import tokenize
from tfloss.registry import Registry


def definitions_of(formulas: Iterable[str], registry: Registry) -> dict[str, str]:
    """By name, the LaTeX of each loss that the formulas use and that declares any."""
    names = dict.fromkeys(
        token.text for text in formulas for token in tokenize(text) if token.kind == "name"
    )
    losses = registry.losses
    return {name: losses[name].latex for name in names if name in losses and losses[name].latex}
