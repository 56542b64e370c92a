"""Import TensorFlow without its start-up messages."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tfloss.errors import TflossError


def import_tensorflow(prepare: Callable[[], object] | None = None) -> None:
    """Import TensorFlow; what it writes to stderr while loading is shown only if it fails.

    TensorFlow's libraries announce the processor's features and absent GPUs before any setting can
    keep them from it. Nobody who waits for a table needs that.

    Args:
        prepare: what must be settled before TensorFlow looks for its devices.
    """
    if "tensorflow" in sys.modules:
        if prepare is not None:
            prepare()
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quietly(), _nothing_swept():
        import tensorflow as tf

        if prepare is not None:
            prepare()
        tf.config.list_logical_devices()  # looks for GPUs, and says so


@contextmanager
def _nothing_swept() -> Iterator[None]:
    """Let Python's collector neither look at what is imported meanwhile, nor ever after.

    All of it lives as long as the process; looking through it for garbage again and again takes a
    tenth of the time of importing TensorFlow.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _somewhere() -> Any:
    """A file for what is not shown; where no disk has room for one, it is shown to nobody."""
    try:
        return tempfile.TemporaryFile()
    except OSError:
        return open(os.devnull, "w+b")


@contextmanager
def quietly() -> Iterator[None]:
    """Keep what libraries write to stderr from being shown, unless something fails."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with _somewhere() as captured:
        os.dup2(captured.fileno(), 2)
        try:
            yield
        except BaseException as error:
            os.dup2(stderr, 2)
            if not isinstance(error, TflossError):  # that says all in its own sentence
                captured.seek(0)
                sys.stderr.write(captured.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
