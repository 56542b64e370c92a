"""Whether a training keeps checkpoints: in a folder, by the caller, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from tfloss.cluster.peers import Peers
from tfloss.errors import UsageError
from tfloss.training.checkpoints.manager import Checkpoints


@contextmanager
def open_checkpoints(
    where: str | Path | Checkpoints | None,
    every: str,
    resume: bool,
    peers: Peers | None = None,
) -> Iterator[Checkpoints | None]:
    """Checkpoints in a folder, locked meanwhile; those of a caller as they are; or none.

    Of several workers, `peers`, the chief alone writes.
    """
    if where is None and resume:
        raise UsageError("To resume, pass the folder of the checkpoints: checkpoint='folder'.")
    if where is None or isinstance(where, Checkpoints):
        yield where
        return
    advice = "The same call with resume=True goes on."
    made = Checkpoints(Path(where), every=every, resume=resume, advice=advice, peers=peers)
    with made as checkpoints:
        yield checkpoints


def defer_interrupts(checkpoints: Checkpoints | None) -> AbstractContextManager[Any]:
    """A context in which Ctrl-C waits for the end of a chunk, where that can be saved."""
    return nullcontext() if checkpoints is None else checkpoints.interrupts
