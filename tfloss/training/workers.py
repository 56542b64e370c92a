"""What several workers of one training do once, and what all of them must have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

from tfloss.cluster.peers import Arrays, Peers
from tfloss.teachers import FittedTeacher
from tfloss.training.checkpoints.fingerprint import versions_fingerprint
from tfloss.training.checkpoints.teachers import from_arrays, to_arrays

Fitted = dict[str, FittedTeacher]


def fitted_once(peers: Peers | None, fit: Callable[[], Fitted]) -> Fitted:
    """The teachers; `fit` is called by the chief alone, the others get their predictions.

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


def require_same_training(peers: Peers | None, what: Callable[[], Mapping[str, Any]]) -> None:
    """Refuse workers that are to train something else than the chief, or by other versions.

    Args:
        peers: the workers; None: this process trains alone.
        what: makes what decides the training, as JSON has it; asked where there are others, since
            digests of rows take their time.

    Raises:
        UsageError: at all workers, with what differs where.
    """
    if peers is not None:
        own = {name: metadata.version(name) for name in ("tfloss", "scikit-learn")}
        peers.require_same({**what(), "versions": {**own, **versions_fingerprint()}})
