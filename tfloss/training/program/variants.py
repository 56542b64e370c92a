"""One body, compiled once for each `NanPolicy` that a training comes to need."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tfloss.training.program.compiler import Compiled
from tfloss.training.program.step import NanPolicy, TrainStep


class Programs:
    """Programs that differ in nothing but how each step is taken.

    Args:
        steps: what they change.
        body: the function that they compile; it is given the step as `step_fn=`.
        how: 'xla', 'graph' or 'eager', asked when the first is compiled; the others become what
            that has come to.
        shapes_vary: whether they are called with arguments of various shapes.
        length_varies: whether the first axis of the first argument varies.
    """

    def __init__(
        self,
        steps: TrainStep,
        body: Callable[..., Any],
        how: Callable[[], str],
        *,
        shapes_vary: bool = False,
        length_varies: bool = False,
    ) -> None:
        self._steps, self._body, self._how = steps, body, how
        self._vary = {"shapes_vary": shapes_vary, "length_varies": length_varies}
        self._made: dict[NanPolicy | None, Compiled] = {}

    def __call__(self, policy: NanPolicy | None, *arguments: Any) -> Any:
        """Run the program under this policy."""
        return self.of(policy)(*arguments)

    def of(self, policy: NanPolicy | None) -> Compiled:
        """The program under this policy; None: unguarded."""
        if policy not in self._made:
            first = next(iter(self._made.values()), None)
            self._made[policy] = Compiled(
                partial(self._body, step_fn=self._steps.step_fn(policy)),
                self._how() if first is None else first.compiled_as,
                progress=self._steps.optimizer.iterations.numpy,
                **self._vary,
            )
        return self._made[policy]

    @property
    def compiled_as(self) -> str:
        """How the unguarded one is compiled: 'xla', 'graph' or 'eager'."""
        return self.of(None).compiled_as
