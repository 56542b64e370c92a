"""What a formula means: its names replaced by the declarations they stand for.

A plan is a tree like the formula's, but of uses: of a loss with its tensors and settings, of a
function with its arguments. It is made without TensorFlow and can be shown, checked and evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tfloss.formula import Node, quoted, to_text
from tfloss.objective.learned import Learned
from tfloss.registry import Balance, Function, Loss, Network, Reduction, Schedule

NO_SETTINGS: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Use:
    """A node of a plan; `node` is the piece of the formula that it came from."""

    node: Node

    def children(self) -> Iterator[Use]:
        return iter(())

    def walk(self) -> Iterator[Use]:
        """This use and all below it."""
        yield self
        for child in self.children():
            yield from child.walk()

    @property
    def text(self) -> str:
        return to_text(self.node)


@dataclass(frozen=True)
class Constant(Use):
    """A number."""

    value: float


@dataclass(frozen=True)
class TensorUse(Use):
    """A tensor of the scope, by name."""

    name: str


@dataclass(frozen=True)
class WeightsUse(Use):
    """The student's weights whose path a pattern matches."""

    pattern: str


@dataclass(frozen=True)
class Arithmetic(Use):
    """`+ - * / **` and the unary minus, left to right; `operators` has one entry less."""

    operators: tuple[str, ...]
    operands: tuple[Use, ...]

    def children(self) -> Iterator[Use]:
        return iter(self.operands)


@dataclass(frozen=True)
class FunctionUse(Use):
    """A function and its arguments."""

    function: Function
    arguments: tuple[Use, ...]
    settings: Mapping[str, Any]

    def children(self) -> Iterator[Use]:
        return iter(self.arguments)


@dataclass(frozen=True)
class NetworkUse(Use):
    """A frozen network called on an expression of tensors; `part` is a layer, '' the output."""

    network: Network
    argument: Use
    part: str = ""

    def children(self) -> Iterator[Use]:
        yield self.argument

    @property
    def call(self) -> tuple[str, str]:
        """The same for every use of one forward pass."""
        return self.network.name, self.argument.text


@dataclass(frozen=True)
class AverageUse(Use):
    """What the student would answer with the moving average of its weights."""

    part: str
    decay: float


@dataclass(frozen=True)
class ReductionUse(Use):
    """A reduction over the batch."""

    reduction: Reduction
    operand: Use
    settings: Mapping[str, Any]

    def children(self) -> Iterator[Use]:
        yield self.operand


@dataclass(frozen=True)
class ScheduleUse(Use):
    """A number that changes with the step. `steps` or `epochs` says over how long, never both."""

    schedule: Schedule
    numbers: tuple[float, ...]
    settings: Mapping[str, Any]
    epochs: float | None = None


@dataclass(frozen=True)
class LossUse(Use):
    """A loss, the expression that each of its tensors is bound to, and its settings."""

    loss: Loss
    tensors: Mapping[str, Use]
    settings: Mapping[str, Any]

    def children(self) -> Iterator[Use]:
        return iter(self.tensors.values())

    @property
    def learned(self) -> dict[str, Learned]:
        """The settings that training learns."""
        return {n: value for n, value in self.settings.items() if isinstance(value, Learned)}

    @property
    def holds_variables(self) -> bool:
        """Whether the loss, or a setting that is learned, has variables."""
        return self.loss.state is not None or bool(self.learned)

    @property
    def with_parameters(self) -> str:
        """The call as it was written; with its parameters, if they are bound to other tensors."""
        bound = {
            name: quoted(part.name) if isinstance(part, TensorUse) else part.text
            for name, part in self.tensors.items()
        }
        others = [f"{name}={tensor}" for name, tensor in bound.items() if tensor != name]
        if not others or "=" in self.text:
            return self.text
        return f"{self.loss.name}({', '.join(others)})"


@dataclass(frozen=True)
class BalanceUse(Use):
    """A balance, its settings, and by what it takes the gradients that it compares.

    `by` is some of the weights, or the output of a layer; None for all weights.
    """

    balance: Balance
    settings: Mapping[str, Any]
    by: WeightsUse | TensorUse | None = None


@dataclass(frozen=True)
class Term:
    """One summand of a formula: a coefficient and the loss expression that it multiplies.

    Attributes:
        name: how the term is logged; its canonical text, made unique.
        coefficient: a use without losses or tensors: constants and schedules.
        body: the rest, reduced to one number per batch.
        balance: what gives it one more weight in each step; None for a plain term.
        constrained: of a constraint, what is to stay within bounds, as a term would be named.
    """

    name: str
    coefficient: Use
    body: Use
    balance: BalanceUse | None = None
    constrained: str = ""

    @property
    def losses(self) -> list[LossUse]:
        return [use for use in self.body.walk() if isinstance(use, LossUse)]
