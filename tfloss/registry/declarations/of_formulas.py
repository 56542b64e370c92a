"""What else stands in a formula: functions, networks, reductions, schedules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from tfloss.registry.declarations.declaration import Declaration
from tfloss.registry.nameable import Nameable
from tfloss.registry.shapes import Shape

Context = Literal["losses", "tensors", "both"]


@dataclass(frozen=True, repr=False)
class Function(Declaration, Nameable):
    """A function of tensors that a formula can call.

    Attributes:
        on: where it may stand: between 'losses', inside arguments on 'tensors', or 'both'.
        latex: a LaTeX template with `{0}`, `{1}`, … for its arguments.
        across_batch: whether one example's value depends on the others; it is then refused where
            rows are missing, since a missing row holds zeros that it would count.
        bounds: from the (lowest, highest) value of each argument to its own, infinite where there
            is no end; None: it may take any value.
    """

    on: Context = "both"
    latex: str = ""
    across_batch: bool = False
    bounds: Callable[..., tuple[float, float]] | None = field(default=None, compare=False)

    kind = "function"


@dataclass(frozen=True, repr=False)
class Network(Declaration, Nameable):
    """A frozen network that a formula calls on tensors, `mse(vgg(prediction).block3, …)`.

    The function gets (batch, …) and the names of layers, '' for the output, and returns a mapping
    from each of them to its tensor. Nothing of it is trained; gradients flow to what it is called
    on.

    Attributes:
        layers: from nothing to the names of its layers; None where any may be there.
        shapes: from the shape of what it is called on and a layer's name to that layer's shape;
            None where it is not known. It raises ValueError where the network cannot take that.
        digest: from nothing to a text that is equal for equal networks.
    """

    layers: Callable[[], tuple[str, ...] | None] = field(default=lambda: None, compare=False)
    shapes: Callable[[Shape, str], Shape | None] = field(
        default=lambda given, layer: None, compare=False
    )
    digest: Callable[[], str] = field(default=lambda: "", compare=False)

    kind = "network"
    on: ClassVar[Context] = "tensors"


# What the function of a balance may ask for; see `Balance`.
OF_GRADIENTS = ("gramian", "largest", "mean_size")
BALANCE_INPUTS = ("losses", *OF_GRADIENTS, "step", "new_epoch")


@dataclass(frozen=True, repr=False)
class Reduction(Declaration, Nameable):
    """A way from one value per example to one value per batch.

    The function gets `(values, weight, present)`, each (batch,) float32: values are 0 where an
    example is missing; `present` is 1 or 0; `weight` is the sample weight, already 0 where missing.
    """

    kind = "reduction"


@dataclass(frozen=True, repr=False)
class Schedule(Declaration, Nameable):
    """A coefficient that changes with the step.

    The function's first parameter is `step`, a float32 scalar counted from 0; then come the
    positional numbers of the formula; its setting `steps` also accepts `epochs=` in a formula,
    converted.
    """

    kind = "schedule"
