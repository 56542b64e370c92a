"""A balance: what weighs the members of a group, or keeps one within bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tfloss.errors import PluginError
from tfloss.registry.declarations.declaration import Declaration
from tfloss.registry.declarations.state import signature_without_state
from tfloss.registry.loss_variables import LossVariable
from tfloss.registry.nameable import Nameable
from tfloss.registry.signature import Signature

# What the function of a balance may ask for; see `Balance`.
OF_GRADIENTS = ("gramian", "largest", "mean_size", "traces")
BALANCE_INPUTS = ("losses", *OF_GRADIENTS, "step", "new_epoch")


@dataclass(frozen=True, repr=False)
class Balance(Declaration, Nameable):
    """A method that gives the members of a formula's group one weight each, in every step.

    The function asks, by name, for what it needs, float32 tensors without a gradient: `losses`
    (m,), the members with their own coefficients; `gramian` (m, m), the inner products of their
    gradients; `largest` and `mean_size` (m,), the largest and the mean absolute entry of each
    gradient; `traces` (m,), an estimate of the trace of each one's neural tangent kernel, NaN
    without rows; `step`, counted from 0; `new_epoch`, whether this step is an epoch's first. It
    returns the weights (m,), or a pair: the weights and a scalar that is added to the total; with
    `logs` a third, a mapping from these names to (m,).

    A **constraint** is a balance of one member that is to stay within bounds: its weight grows
    until it does. What it adds belongs to its term, and it is weighed on a holdout as well.

    Attributes:
        state: from the number of members and the settings to a mapping from name to
            `tfloss.LossVariable`; the function then has the keyword parameter `state`. Weights that
            depend on a trainable variable are learned by the optimizer.
        positive: whether members have to be positive; a loss that declares a lower end below zero,
            or none, is refused.
        adds: whether it returns a pair; what it adds is a term of its own name.
        logs: the names of what is logged of each member, `multiplier(kl)`; default: the weights.
        bounds: of a constraint: from the settings to the lowest and the highest value that its
            member may have, None for no bound; raises ValueError with a sentence where the settings
            contradict each other.
    """

    state: Callable[[int, Mapping[str, Any]], Mapping[str, LossVariable]] | None = field(
        default=None, compare=False
    )
    positive: bool = False
    adds: bool = False
    logs: tuple[str, ...] = ()
    bounds: Callable[[Mapping[str, Any]], tuple[float | None, float | None]] | None = field(
        default=None, compare=False
    )

    kind = "balance"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.signature.positional:
            if name not in BALANCE_INPUTS:
                raise PluginError(
                    f"The balance '{self.name}' asks for '{name}'; there are: "
                    f"{', '.join(BALANCE_INPUTS)}."
                )

    @cached_property
    def signature(self) -> Signature:
        return signature_without_state(self, self.state)

    @property
    def is_constraint(self) -> bool:
        """Whether it keeps one member within bounds."""
        return self.bounds is not None

    @property
    def needs_rows(self) -> bool:
        """Whether it asks for something of each row of a member."""
        return "traces" in self.signature.positional

    @property
    def needs_gradients(self) -> bool:
        """Whether it asks for something of the members' gradients."""
        return any(name in self.signature.positional for name in OF_GRADIENTS)
