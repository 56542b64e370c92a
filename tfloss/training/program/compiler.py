"""A program compiled as far as it can be: by XLA, by TensorFlow, or not at all."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from tfloss.errors import TflossError
from tfloss.lazy import tf
from tfloss.training.options import Compile
from tfloss.training.program.random_numbers import traced_for_xla

# XLA takes a second or more to compile, once; the graph executor pays about 0.2 ms for each step.
_STEPS_WORTH_XLA = 6_000


def choose(compile: Compile, work: int | None) -> str:
    """Whether XLA is worth its time for so many steps; None: there is no end to them."""
    if compile != "auto":
        return compile
    return "xla" if work is None or work > _STEPS_WORTH_XLA else "graph"


class Compiled:
    """A function of tensors; what cannot be compiled falls back, and says so once.

    Args:
        body: the function; it may change variables.
        compiled_as: 'xla', 'graph' (TensorFlow's own executor), or 'eager': the function as it is,
            in which TensorFlow's loops are plain loops.
        progress: a number that grows when `body` has changed something; nothing is tried again
            after that.
        shapes_vary: whether it is called with arguments of various shapes.

    Attributes:
        compiled_as: what it has come to.
    """

    def __init__(
        self,
        body: Callable[..., Any],
        compiled_as: str,
        *,
        progress: Callable[[], Any],
        shapes_vary: bool = False,
    ) -> None:
        self.compiled_as = compiled_as
        self._body = body
        self._progress = progress
        self._shapes_vary = shapes_vary
        self._program = self._build()

    def __call__(self, *arguments: Any) -> Any:
        before = self._progress()
        while True:
            try:
                return self._program(*arguments)
            except Exception as error:
                if self._progress() != before or not self._fall_back(error):
                    raise

    def _build(self) -> Callable[..., Any]:
        if self.compiled_as == "eager":
            return self._body
        xla = self.compiled_as == "xla"
        return tf.function(
            traced_for_xla(self._body) if xla else self._body,
            jit_compile=xla,
            autograph=False,
            reduce_retracing=self._shapes_vary,
        )

    def _fall_back(self, error: Exception) -> bool:
        refused_by_xla = isinstance(error, tf.errors.OpError) and self.compiled_as == "xla"
        cannot_be_traced = not isinstance(error, (tf.errors.OpError, TflossError))
        reason = (str(error).strip() or type(error).__name__).partition("\n")[0][:200]
        if refused_by_xla:
            self.compiled_as = "graph"
            how = "XLA cannot compile this training; it goes on in TensorFlow's graph executor"
        elif cannot_be_traced and self.compiled_as != "eager":
            self.compiled_as = "eager"
            how = "TensorFlow cannot compile this training; it goes on step by step, much slower"
        else:
            return False
        warnings.warn(f"{how}, with the same results. The reason: {reason}", stacklevel=4)
        self._program = self._build()
        return True
