"""One body, compiled anew for each kind of care that a training comes to take."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tfloss.training.program.compiler import Compiled
from tfloss.training.program.step import Care, Steps


class Programs:
    """Programs that differ in nothing but how each step is taken.

    Args:
        steps: what they change.
        body: the function that they compile; it is told by `take=` how to take a step.
        how: 'xla', 'graph' or 'steps', asked when the first is compiled; the others become what
            that has come to.
        shapes_vary: whether they are called with arguments of various shapes.
    """

    def __init__(
        self,
        steps: Steps,
        body: Callable[..., Any],
        how: Callable[[], str],
        *,
        shapes_vary: bool = False,
    ) -> None:
        self._steps, self._body, self._how = steps, body, how
        self._shapes_vary = shapes_vary
        self._made: dict[Care | None, Compiled] = {}

    def __call__(self, care: Care | None, *arguments: Any) -> Any:
        """Run the program that takes so much care."""
        return self.of(care)(*arguments)

    def of(self, care: Care | None) -> Compiled:
        """The program that takes so much care."""
        if care not in self._made:
            first = next(iter(self._made.values()), None)
            self._made[care] = Compiled(
                partial(self._body, take=self._steps.take(care)),
                self._how() if first is None else first.compiled_as,
                progress=self._steps.optimizer.iterations.numpy,
                shapes_vary=self._shapes_vary,
            )
        return self._made[care]

    @property
    def compiled_as(self) -> str:
        """How the one without care is compiled: 'xla', 'graph' or 'steps'."""
        return self.of(None).compiled_as
