"""Finished replicates in a folder, so that a comparison that was killed goes on where it was.

Each file holds some seeds of one formula, is written whole and checked when it is read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfloss.comparison.replicates.seeds import SeedSetup
from tfloss.comparison.replicates.trajectories import Trajectories
from tfloss.errors import UsageError
from tfloss.io.atomic import remove_leftovers, write_text
from tfloss.io.checked_npz import digest_of, read_checked, write_checked
from tfloss.io.warn_once import warn_once
from tfloss.training.checkpoints.fingerprint import versions_fingerprint

FINGERPRINT = "fingerprint.json"
_ARRAYS = ("train", "eval_epochs", "holdout", "logits", "bad_steps", "gradients")


class SavedReplicates:
    """The finished replicates of one comparison.

    Args:
        folder: made where it is missing.
        setups: what each seed brings; another process must bring the same.

    Raises:
        UsageError: the folder holds replicates of other data, teachers or library versions.
    """

    def __init__(self, folder: Path, setups: Sequence[SeedSetup]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder)
        self._folder = folder
        require_same_setups(folder / FINGERPRINT, setups)

    def read(self, place: int, seeds: range) -> Trajectories | None:
        """The formula at `place`, these seeds; None where they are not finished.

        Raises:
            DataError: the file is damaged.
        """
        path = self._path(place, seeds)
        if not path.exists():
            return None
        arrays, about = read_checked(path)
        about |= {name: tuple(about[name]) for name in ("names", "events", "logged")}
        fields: dict[str, Any] = {**{name: arrays[name] for name in _ARRAYS}, **about}
        return Trajectories(**fields)

    def write(self, place: int, seeds: range, found: Trajectories) -> None:
        """Keep finished replicates."""
        about = {
            name: getattr(found, name)
            for name in ("formula", "names", "execution", "note", "events", "logged")
        }
        arrays = {name: getattr(found, name) for name in _ARRAYS}
        _keep(self._path(place, seeds), arrays, about)

    def unfinished(self, piece: str) -> UnfinishedPiece:
        """Where a piece that is being trained is kept meanwhile."""
        return UnfinishedPiece(self._folder / f"unfinished-{piece}.npz")

    def _path(self, place: int, seeds: range) -> Path:
        return self._folder / f"formula{place + 1}-seeds{seeds.start}to{seeds.stop - 1}.npz"


class UnfinishedPiece:
    """What a piece has come to, so that it goes on to the same bytes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[str, np.ndarray] | None:
        """What was written last; None where nothing was.

        Raises:
            DataError: the file is damaged.
        """
        return dict(read_checked(self._path)[0]) if self._path.exists() else None

    def write(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep it, in place of what was written before."""
        _keep(self._path, arrays, {})

    def remove(self) -> None:
        """The piece is finished."""
        self._path.unlink(missing_ok=True)


def _keep(path: Path, arrays: Mapping[str, np.ndarray], about: Any) -> None:
    """Write whole; where that cannot be, say so: hours may stand behind what is in memory."""
    try:
        write_checked(path, arrays, about)
    except OSError as error:
        told = f"What is finished cannot be kept in '{path.parent}'"
        warn_once(
            f"{told} ({error.strerror or error}): the comparison goes on, and could not be resumed "
            f"from here.",
            key=told,
        )


def require_same_setups(path: Path, setups: Sequence[SeedSetup]) -> None:
    """Write down what the seeds bring, or hold them against what was written down before.

    Raises:
        UsageError: other rows, teachers' predictions or versions of the libraries.
    """
    now = {**setups_digests(setups), **versions_fingerprint()}
    if not path.exists():
        write_text(path, json.dumps(now, indent=2) + "\n")
        return
    recorded = json.loads(path.read_text(encoding="utf-8"))
    changed = [name for name in now if recorded.get(name) != now[name]]
    if changed:
        raise UsageError(
            f"What '{path.parent}' holds was trained with other {' and '.join(changed)}; restore "
            f"these, or start again in a folder of its own."
        )


def setups_digests(setups: Sequence[SeedSetup]) -> Mapping[str, Any]:
    """What decides replicates besides the configuration: rows, and the teachers' predictions."""
    rows: dict[str, np.ndarray] = {}
    teachers: dict[str, np.ndarray] = {}
    for setup in setups:
        for split in ("train", "holdout"):
            columns: Mapping[str, np.ndarray] = getattr(setup.data, split).values
            rows |= {f"{setup.seed}/{split}/{name}": c for name, c in columns.items()}
            for teacher in setup.teachers.values():
                tensors = teacher.tensors(split)  # type: ignore[arg-type]
                teachers |= {f"{setup.seed}/{split}/{n}": np.asarray(t) for n, t in tensors.items()}
    return {"rows": digest_of(rows), "teachers' predictions": digest_of(teachers)}
