"""Errors of tfloss as they were meant: a sentence, and the line of the user's that led to it."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from tfloss.errors import DataError, PluginError, TflossError
from tfloss.keras_integration.batch_layout import NO_CLASS
from tfloss.lazy import keras, tf

F = TypeVar("F", bound=Callable[..., Any])

_SAID_IN_GRAPH = re.compile(re.escape(NO_CLASS) + r"[^\]]*")
_LIBRARIES = ("/tensorflow/python/", "/keras/src/", "/site-packages/numpy/")


def plainly(method: F) -> F:
    """Leave out of a traceback what Keras and TensorFlow did between the call and the error.

    `keras.config.disable_traceback_filtering()` shows everything again.
    """

    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except PluginError:
            raise  # its author wants to see where
        except TflossError as error:
            if not keras.config.is_traceback_filtering_enabled():
                raise
            raise error.with_traceback(None) from _worth_showing(error.__cause__)
        except tf.errors.InvalidArgumentError as error:
            said = _SAID_IN_GRAPH.search(str(error))
            if said is None:
                raise
            raise DataError(said.group()) from None

    return call  # type: ignore[return-value]


def _worth_showing(cause: BaseException | None) -> BaseException | None:
    """What a loss did not raise itself, to refuse its arguments, may be a fault in it."""
    if cause is None:
        return None
    last = traceback.extract_tb(cause.__traceback__)[-1:]
    by_library = any(part in frame.filename for frame in last for part in _LIBRARIES)
    return cause if by_library else None
