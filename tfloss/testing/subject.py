"""A loss under examination: called in every way that the checks need, what is dear only once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from tfloss.errors import TflossError
from tfloss.lazy import tf
from tfloss.objective.loss_variables import State, held_variables, shapes_of
from tfloss.registry import Loss
from tfloss.testing.domains import Domain, Parameter, parameters_of
from tfloss.testing.inputs import Inputs, edges, joined, map_arrays, moderate
from tfloss.testing.results import NotApplicable

WIDTHS = (1, 2, 3, 50)
ROWS = 6

REFUSALS = (ValueError, TflossError)  # how a loss says that it does not take something


class Subject:
    """A loss with the inputs that it is tried on.

    Args:
        loss: the declaration.
        domains: what values a tensor takes, by parameter; goes before the declaration's own.
        settings: settings other than the defaults.

    Attributes:
        parameters: its tensors with their domains.
    """

    def __init__(
        self,
        loss: Loss,
        domains: Mapping[str, str | Domain] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.loss = loss
        self.settings = dict(settings or {})
        self._domains = domains
        said = {**loss.domains, **(domains or {})}
        self.parameters: tuple[Parameter, ...] = parameters_of(_independent(loss), said)
        self._cache: dict[Any, Any] = {}

    def with_settings(self, **settings: Any) -> Subject:
        """The same loss and domains with other settings."""
        return Subject(self.loss, self._domains, {**self.settings, **settings})

    # -- inputs ----------------------------------------------------------------------------------

    @cached_property
    def attempts(self) -> dict[int, Exception | None]:
        """What became of calling the loss, by number of columns; None where it worked."""
        return {width: self._attempt(width) for width in WIDTHS}

    def _attempt(self, width: int) -> Exception | None:
        def call() -> Exception | None:
            try:
                self.values(self.moderate(width))
            except Exception as error:  # whatever it is, the first check says it
                return error
            return None

        return self._once(("attempt", width), call)

    @property
    def widths(self) -> tuple[int, ...]:
        """The numbers of columns that the loss takes.

        Raises:
            NotApplicable: it takes none of them.
        """
        accepted = tuple(width for width, error in self.attempts.items() if error is None)
        if not accepted:
            raise NotApplicable("it cannot be called")
        return accepted

    @property
    def narrowest(self) -> int:
        """The smallest number of columns that the loss takes; no further one is tried.

        Raises:
            NotApplicable: it takes none of them.
        """
        for width in WIDTHS:
            if self._attempt(width) is None:
                return width
        raise NotApplicable("it cannot be called")

    @property
    def width(self) -> int:
        """One number of columns for what does not depend on it: three, where the loss takes it."""
        return 3 if 3 in self.widths else self.widths[0]

    def moderate(self, columns: int, rows: int = ROWS, seed: int = 0) -> Inputs:
        return moderate(self.parameters, columns, rows, seed)

    def edges(self, columns: int) -> Inputs:
        return edges(self.parameters, columns)

    def everything(self, columns: int) -> Inputs:
        """Moderate inputs, then all the limits."""
        return joined(self.moderate(columns), self.edges(columns))

    @property
    def per_example(self) -> bool:
        return self.loss.per == "example"

    @property
    def differentiable(self) -> list[Parameter]:
        """The tensors that training changes: no targets, no whole numbers."""
        return [p for p in self.parameters if not p.is_target and not p.domain.integer]

    # -- calling ---------------------------------------------------------------------------------

    def call(self, tensors: Mapping[str, Any], **settings: Any) -> Any:
        """The loss on tensors."""
        settings = {**self.settings, **settings}
        if self.loss.state is None:
            return self.loss(**tensors, **settings)
        return self.loss(**tensors, **settings, state=self._state(tensors, settings))

    def _state(self, tensors: Mapping[str, Any], settings: Mapping[str, Any]) -> State:
        """What the loss holds, the same for equal shapes, in the tensors' dtype."""
        shapes = shapes_of(tensors)
        key = ("held", tuple(shapes.items()), tuple(map(repr, settings.items())))
        with tf.init_scope():  # it must not belong to a program that is being traced
            held = self._once(key, lambda: held_variables(self.loss, shapes, settings, seed=0))
        floats = [t.dtype for t in tf.nest.flatten(dict(tensors)) if t.dtype.is_floating]
        # A loss gets half precision in float32.
        return State(held, dtype=floats[0] if floats and floats[0].size > 2 else tf.float32)

    def values(self, inputs: Inputs, dtype: str = "float32", **settings: Any) -> np.ndarray:
        """The loss's values on arrays, eagerly."""
        return np.asarray(self.call(as_tensors(inputs, dtype), **settings))

    def with_gradients(self, tensors: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The values, and the gradient of their sum with respect to each floating tensor."""
        floats = {n: t for n, t in tensors.items() if tf.nest.flatten(t)[0].dtype.is_floating}
        with tf.GradientTape() as tape:
            tape.watch(floats)
            values = self.call(tensors)
            total = tf.reduce_sum(values)
        return values, tape.gradient(total, floats, unconnected_gradients="zero")

    def eager(self, columns: int) -> tuple[Any, dict[str, Any]]:
        """Values and gradients on everything of one width, once."""
        return self._once(("eager", columns), lambda: self.with_gradients(
            as_tensors(self.everything(columns))))  # fmt: skip

    @cached_property
    def computes_in_float64(self) -> bool:
        """Whether the loss keeps float64 when it is given float64."""
        try:
            given = as_tensors(self.moderate(self.width), "float64")
            return bool(self.call(given).dtype == tf.float64)
        except Exception:  # constants of float32 inside; the float32 path is checked anyway
            return False

    @property
    def exact_dtype(self) -> str:
        return "float64" if self.computes_in_float64 else "float32"

    def _once(self, key: Any, make: Any) -> Any:
        if key not in self._cache:
            self._cache[key] = make()
        return self._cache[key]


def _independent(loss: Loss) -> tuple[str, ...]:
    """A loss's tensors, without `teacher_logits` next to `teacher`: it says the same once more."""
    names = loss.signature.positional
    return tuple(
        name
        for name in names
        if not (name.endswith("_logits") and name.removesuffix("_logits") in names)
    )


def as_tensors(inputs: Mapping[str, Any], dtype: str = "float32") -> Inputs:
    """Arrays as tensors: floating ones in `dtype`, whole numbers as int32."""

    def tensor(array: Any) -> Any:
        array = np.asarray(array)
        return tf.constant(array, dtype if array.dtype.kind == "f" else "int32")

    return map_arrays(tensor, inputs)
