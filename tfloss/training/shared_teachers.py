"""Teachers of several workers: the chief fits and asks them, the others read their predictions."""

from __future__ import annotations

from collections.abc import Callable

from tfloss.cluster.peers import Arrays, Peers
from tfloss.teachers import FittedTeacher
from tfloss.training.checkpoints.teachers import from_arrays, to_arrays

Fitted = dict[str, FittedTeacher]


def fitted_once(peers: Peers | None, fit: Callable[[], Fitted]) -> Fitted:
    """The teachers; `fit` is called by the chief alone.

    Args:
        peers: the workers; None: this process trains alone.
        fit: fits them.

    Raises:
        TflossError: what `fit` raised at the chief, at every worker.
    """
    if peers is None:
        return fit()
    kept: list[Fitted] = []

    def made() -> Arrays:
        kept.append(fit())
        return to_arrays(kept[0])

    arrays, about = peers.once("teachers", made)
    return kept[0] if kept else from_arrays(arrays, about)
