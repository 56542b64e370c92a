"""A program compiled as far as it can be: by XLA, by TensorFlow, or not at all."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from tfloss.errors import TflossError, message_of
from tfloss.lazy import tf
from tfloss.training.program.custom_gradients import forgotten_gradients
from tfloss.training.program.random_numbers import traced_for_xla

PATIENCE = 10.0  # seconds after which a first call says what it is doing


class Compiled:
    """A function of tensors; what cannot be compiled falls back, and says so once.

    Args:
        body: the function; it may change variables.
        compiled_as: 'xla', 'graph' (TensorFlow's own executor), or 'eager': the function as it is,
            in which TensorFlow's loops are plain loops.
        progress: a number that grows when `body` has changed something; nothing is tried again
            after that.
        shapes_vary: whether it is called with arguments of various shapes.
        length_varies: whether the first axis of its first argument varies. The graph executor has
            one program for all lengths, XLA one for each.

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
        length_varies: bool = False,
    ) -> None:
        self.compiled_as = compiled_as
        self._body = body
        self._progress = progress
        self._shapes_vary = shapes_vary
        self._length_varies = length_varies
        self._program: Callable[..., Any] | None = None
        self._called = False

    def __call__(self, *arguments: Any) -> Any:
        before = self._progress()
        while True:
            try:
                if self._program is None:
                    self._program = self._build(arguments)
                if self._called:
                    return self._program(*arguments)
                with _told(self.compiled_as):
                    result = self._program(*arguments)
                self._called = True
                return result
            except Exception as error:
                if self._progress() != before or not self._fall_back(error):
                    raise

    def _build(self, arguments: tuple[Any, ...]) -> Callable[..., Any]:
        if self.compiled_as == "eager":
            return self._body
        # Partial, since TensorFlow warns of retracing by a function's code, which others share.
        traced = partial(_traced, self._body)
        if self.compiled_as == "xla":
            return tf.function(
                traced_for_xla(traced),
                jit_compile=True,
                autograph=False,
                reduce_retracing=self._shapes_vary,
            )
        return tf.function(
            traced,
            autograph=False,
            reduce_retracing=self._shapes_vary,
            input_signature=_of_any_length(arguments) if self._length_varies else None,
        )

    def _fall_back(self, error: Exception) -> bool:
        refused_by_xla = isinstance(error, tf.errors.OpError) and self.compiled_as == "xla"
        cannot_be_traced = not isinstance(error, (tf.errors.OpError, TflossError))
        reason = (message_of(error).strip() or type(error).__name__).partition("\n")[0][:200]
        if refused_by_xla:
            self.compiled_as = "graph"
            how = "XLA cannot compile this training; it goes on in TensorFlow's graph executor"
        elif cannot_be_traced and self.compiled_as != "eager":
            self.compiled_as = "eager"
            how = "TensorFlow cannot compile this training; it goes on step by step, much slower"
        else:
            return False
        warnings.warn(f"{how}, with the same results. The reason: {reason}", stacklevel=4)
        self._program = None
        return True


def _traced(body: Callable[..., Any], *arguments: Any) -> Any:
    with forgotten_gradients():
        return body(*arguments)


def _of_any_length(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """The signature of these arguments, the first of any length."""
    first, *others = tf.nest.map_structure(tf.TensorSpec.from_tensor, arguments)
    return tf.TensorSpec((None, *first.shape[1:]), first.dtype), *others


@contextmanager
def _told(compiled_as: str) -> Iterator[None]:
    """Warn after a while that a program is being compiled, which nothing else shows."""
    how = {"xla": "XLA is compiling", "graph": "TensorFlow is tracing"}.get(compiled_as)
    if how is None:
        yield
        return
    text = f"{how} this training, for more than {PATIENCE:.0f} s so far; it is done once."
    timer = threading.Timer(PATIENCE, warnings.warn, [text], {"stacklevel": 1})
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
