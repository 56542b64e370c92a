"""A comparison on several workers: each trains some of the seeds, the chief joins them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tfloss.cluster.peers import Peers
from tfloss.comparison.replicates.seeds import SeedSetup
from tfloss.comparison.replicates.trainer import Trained, measured_gradients
from tfloss.comparison.replicates.trajectories import Trajectories, joined
from tfloss.data import Table
from tfloss.io.checked_npz import digest_of
from tfloss.training.checkpoints.teachers import from_arrays, to_arrays

_ARRAYS = ("train", "eval_epochs", "holdout", "logits", "bad_steps", "gradients")
_WORDS = ("formula", "names", "execution", "note", "events", "logged")


def own_part(count: int, index: int, workers: int) -> range:
    """Which of `count` seeds a worker trains: one after the other, as evenly as can be.

    Example:
        >>> [list(own_part(5, index, 2)) for index in range(2)]
        [[0, 1, 2], [3, 4]]
    """
    each, more = divmod(count, workers)
    first = index * each + min(index, more)
    return range(first, first + each + (index < more))


def table_digest(table: Table) -> str:
    """Of all values of a data set, by which workers with other rows are told apart."""
    arrays = {f"column {name}": values for name, values in table.columns.items()}
    target = np.asarray(table.target).astype(str)
    return digest_of({**arrays, "features": table.features, "target": target})


def put_together(
    peers: Peers, setups: Sequence[SeedSetup], own: range, trained: Trained | None
) -> tuple[list[SeedSetup], Trained] | None:
    """At the chief all seeds and their trainings; None at the others, which hand in theirs.

    Args:
        peers: the workers.
        setups: of all seeds; with teachers where they are this worker's own.
        own: the positions of these.
        trained: on these; None where there are none.
    """
    parts = peers.gathered("trained", *_packed([setups[place] for place in own], trained))
    if not parts:
        return None
    unpacked = [_unpacked(*part) for part in parts]
    teachers = [own for fitted, _ in unpacked for own in fitted]
    complete = [
        replace(setup, teachers=fitted) for setup, fitted in zip(setups, teachers, strict=True)
    ]
    return complete, _joined([one for _, one in unpacked if one is not None])


def _packed(
    setups: Sequence[SeedSetup], trained: Trained | None
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    arrays: dict[str, np.ndarray] = {}
    fitted = []
    for number, setup in enumerate(setups):
        own, about = to_arrays(setup.teachers)
        arrays |= {f"teacher/{number}/{name}": values for name, values in own.items()}
        fitted.append(about)
    if trained is None:
        return arrays, {"teachers": fitted, "found": None}
    for number, one in enumerate(trained.trajectories):
        arrays |= {f"found/{number}/{name}": getattr(one, name) for name in _ARRAYS}
    return arrays, {
        "teachers": fitted,
        "found": [{name: getattr(one, name) for name in _WORDS} for one in trained.trajectories],
        "notes": trained.notes,
        "seconds": trained.seconds,
        "steps": trained.steps,
    }


def _unpacked(arrays: dict[str, np.ndarray], about: dict[str, Any]) -> tuple[list[Any], Any]:
    teachers = [
        from_arrays(_under(arrays, f"teacher/{number}/"), words)
        for number, words in enumerate(about["teachers"])
    ]
    if about["found"] is None:
        return teachers, None
    found = []
    for number, words in enumerate(about["found"]):
        words |= {name: tuple(words[name]) for name in ("names", "events", "logged")}
        fields: dict[str, Any] = {**_under(arrays, f"found/{number}/"), **words}
        found.append(Trajectories(**fields))
    return teachers, Trained(found, about["notes"], about["seconds"], about["steps"])


def _under(arrays: dict[str, np.ndarray], start: str) -> dict[str, np.ndarray]:
    return {n.removeprefix(start): v for n, v in arrays.items() if n.startswith(start)}


def _joined(parts: Sequence[Trained]) -> Trained:
    """The trainings of all seeds; the times are those of the worker that took the longest."""
    by_formula = zip(*(part.trajectories for part in parts), strict=True)
    found = [joined(list(one)) for one in by_formula]
    most = measured_gradients(len(found))
    for one in found:
        one.gradients = one.gradients[:most]
    notes = list(dict.fromkeys(note for part in parts for note in part.notes))
    slowest = {name: max(part.seconds[name] for part in parts) for name in parts[0].seconds}
    return Trained(found, notes, slowest, sum(part.steps for part in parts))
