"""A loss, and what it checks when it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from tfloss.constraints import PerColumn
from tfloss.errors import PluginError
from tfloss.registry.declarations.declaration import Declaration
from tfloss.registry.declarations.dtypes import full_precision, of_one_dtype
from tfloss.registry.declarations.state import signature_without_state
from tfloss.registry.loss_variables import LossVariable
from tfloss.registry.nameable import Nameable
from tfloss.registry.shapes import Shape, different_shapes, shape_of, wrong_length
from tfloss.registry.signature import Signature


@dataclass(frozen=True, repr=False)
class Loss(Declaration, Nameable):
    """A function from named tensors to one value per example, or to one value per batch.

    Attributes:
        per: 'example' when it returns (batch,), 'batch' when it returns a scalar.
        latex: its definition in LaTeX, without dollar signs.
        same_shape: the names of tensors whose shapes must be equal; groups of names where several
            must. Compared in the scope before training, and again when the loss is called.
        range: (lowest, highest) value it can take; None where unbounded.
        zero_at_optimum: whether it is zero when the student agrees with its target; None: unsaid.
        symmetric: whether its two first tensors can be exchanged; None: unsaid.
        elementwise: whether it is, for each example, the mean over all elements of a function of
            single elements, so that elements which are missing can be left out one by one.
        kinks: what is special about points without a derivative, in words ('logits == labels').
        family: the family it is listed under; default: the module's name.
        example: a formula that it stands in, for listings; where its tensors' names do not tell
            what to bind them to.
        domains: what values a tensor takes, by parameter, where its name does not tell
            (`tfloss.testing.DOMAINS`); for checking.
        link: 'log' where what it calls the prediction is the logarithm of the quantity, which is
            then predicted in its own unit everywhere; else ''.
        yes_or_no: whether it asks about each column of the labels by itself, so that several are
            no choice of one class among them.
        reference: the same loss in plain numpy, with the same parameters in float64; for checking.
        exempt: checks of `tfloss.testing` that it fails on purpose, with the reason of each.
        state: for a loss that holds variables: from its tensors' shapes (by parameter, None for the
            batch) and its settings to a mapping from name to `tfloss.LossVariable`. The function
            has the keyword parameter `state`, which is no setting.
    """

    per: Literal["example", "batch"] = "example"
    latex: str = ""
    same_shape: tuple[str, ...] | tuple[tuple[str, ...], ...] = ()
    range: tuple[float | None, float | None] = (None, None)
    zero_at_optimum: bool | None = None
    symmetric: bool | None = None
    elementwise: bool = False
    kinks: tuple[str, ...] = ()
    family: str = ""
    example: str = ""
    domains: Mapping[str, str] = field(default_factory=dict, compare=False)
    link: str = ""
    yes_or_no: bool = False
    reference: Callable[..., Any] | None = field(default=None, compare=False)
    exempt: Mapping[str, str] = field(default_factory=dict, compare=False)
    state: Callable[[Mapping[str, Any], Mapping[str, Any]], Mapping[str, LossVariable]] | None = (
        field(default=None, compare=False)
    )

    kind = "loss"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.link not in ("", "log"):
            raise PluginError(f"link= of the loss '{self.name}' is {self.link!r}; it can be 'log'.")
        for name in (name for group in self.same_shapes for name in group):
            if name not in self.signature.positional:
                raise PluginError(
                    f"same_shape= of the loss '{self.name}' names '{name}', which is none of its "
                    f"tensors: {', '.join(self.signature.positional) or 'it has none'}."
                )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function.

        Raises:
            ValueError: a setting outside of its declared range, a list without one entry for each
                column, or tensors whose shapes differ.
        """
        given = {name: full_precision(v) for name, v in self._by_name(args, kwargs).items()}
        if self.compared:
            given = {**given, **of_one_dtype(given, self._of_one_kind)}
            shapes = {name: shape_of(given[name]) for name in given if name in self.compared}
            wrong = self.refusal_of_shapes(shapes, given)
            if wrong:
                raise ValueError(wrong)
        more = args[len(self.signature.positional) :]  # too many: Python's own error says so
        return super().__call__(*more, **given)

    @cached_property
    def same_shapes(self) -> tuple[tuple[str, ...], ...]:
        """`same_shape` as groups of names."""
        if all(isinstance(name, str) for name in self.same_shape):
            return (tuple(map(str, self.same_shape)),) if self.same_shape else ()
        return tuple(tuple(group) for group in self.same_shape)

    @cached_property
    def compared(self) -> frozenset[str]:
        """The tensors of which shapes are compared, with each other or with a list's length."""
        return frozenset(name for group in self._of_one_kind for name in group).union(
            rule.tensor for _, rule in self._lists
        )

    @cached_property
    def _of_one_kind(self) -> tuple[tuple[str, ...], ...]:
        """Names of tensors whose shapes are equal, or differ by a list's length only."""
        return (*self.same_shapes, *((r.each, r.tensor) for _, r in self._lists if r.each))

    @cached_property
    def _lists(self) -> tuple[tuple[str, PerColumn], ...]:
        """The settings that have an entry for each column of a tensor."""
        return tuple(
            (name, constraint)
            for name, rule in self.signature.rules.items()
            for constraint in rule.constraints
            if isinstance(constraint, PerColumn)
        )

    def refusal_of_shapes(
        self, shapes: Mapping[str, Shape | None], settings: Mapping[str, Any]
    ) -> str | None:
        """The sentence that refuses shapes that differ, or a list of another length; or None.

        Args:
            shapes: by parameter, of `compared`; what is not known is not compared.
            settings: those that were given.
        """
        wrong = different_shapes(self.same_shapes, shapes)
        for name, rule in self._lists:
            value = settings.get(name, self.settings[name])
            wrong = wrong or wrong_length(name, value, rule, shapes)
        return wrong

    @cached_property
    def signature(self) -> Signature:
        return signature_without_state(self, self.state)
