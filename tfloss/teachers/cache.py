"""Predictions kept on disk, under a hash of all that they depend on.

Only numbers and text are kept (NPZ without pickles), so that reading the cache can run no code; the
estimator itself is fitted again if somebody asks for it.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tfloss.data import PreparedData
from tfloss.io.archive_check import check_archive
from tfloss.io.atomic import remove_leftovers, write_whole
from tfloss.io.warn_once import warn_once
from tfloss.teachers.fitting.plan import FitPlan, TeacherPredictions

_LAYOUT = 6  # to be raised when what is written, or how predictions are made, changes


class Answering(Protocol):
    """A fitted teacher."""

    @property
    def estimator(self) -> Any:
        """Whose code the predictions depend on."""

    @property
    def identity(self) -> Any:
        """All that its predictions depend on besides the rows; can be pickled, or raises."""


def cached(
    key: str | None, folder: Path | None, compute: Callable[[], TeacherPredictions]
) -> TeacherPredictions:
    """Predictions from the cache, or computed and put there.

    Args:
        key: see `key_of`; with None they are computed and not kept, and a note says so.
        folder: where predictions are kept; None: nowhere.
        compute: makes the predictions.
    """
    return find(key, folder) or keep(key, folder, compute())


def find(key: str | None, folder: Path | None) -> TeacherPredictions | None:
    """The predictions that the cache holds under a key, whole; or None."""
    if key is None or folder is None:
        return None
    remove_leftovers(folder)
    return _read(_path(folder, key))


def keep(key: str | None, folder: Path | None, predicted: TeacherPredictions) -> TeacherPredictions:
    """Put predictions into the cache; where that cannot be, a warning or a note says so."""
    if folder is None:
        return predicted
    if key is None:
        note = "Not kept in the cache: the estimator cannot be hashed."
        return replace(predicted, notes=(*predicted.notes, note))
    try:
        _write(_path(folder, key), predicted)
    except OSError as error:  # the predictions may have taken hours
        _tell(folder, str(error.strerror or error))
    return predicted


def tell_if_unwritable(folder: Path) -> None:
    """Say that nothing can be kept in a folder before hours of fitting, not after them."""
    try:
        there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        if not there.is_dir():
            _tell(folder, f"'{there}' is a file")
        elif not os.access(there, os.W_OK | os.X_OK):
            _tell(folder, f"no right to write in '{there}'")
    except OSError as error:  # a part of the path that may not even be looked at
        _tell(folder, str(error.strerror or error))


def _tell(folder: Path, reason: str) -> None:
    told = f"The teachers' cache '{folder}' cannot be written"
    warn_once(
        f"{told} ({reason}): the predictions are used and not kept; name another folder, --cache, "
        f"cache= or TFLOSS_CACHE.",
        key=told,
    )


def _path(folder: Path, key: str) -> Path:
    return folder / f"teacher-{key}.npz"


def key_of(
    teacher: Answering | FitPlan, data: PreparedData, rows: Callable[[], str] | None = None
) -> str | None:
    """A hash of teacher, settings, rows, labels, and versions; None where there cannot be one.

    Args:
        teacher: what is to be fitted, or something fitted before.
        data: the rows that it is fitted on or predicts.
        rows: their digest, which many teachers on the same rows share; default: it is taken.
    """
    import joblib
    import sklearn

    versions = (_LAYOUT, platform.python_version(), np.__version__, sklearn.__version__)
    try:
        return joblib.hash(
            (
                versions,
                teacher.identity,
                sorted(_sources(teacher.estimator)),
                rows_digest(data) if rows is None else rows(),
                data.n_outputs,
            ),
            hash_name="sha1",
        )
    except Exception:  # what cannot be pickled cannot be hashed
        return None


def rows_digest(data: PreparedData) -> str:
    """Of all that teachers see of the rows.

    The scaling is a part of it: an estimator that sees unscaled rows tells rows apart that are
    alike once they are scaled.
    """
    import joblib

    part, holdout = data.train, data.holdout
    arrays = (part.inputs, part.labels, part.codes, part.weight, holdout.inputs, holdout.labels)
    scaling = None if data.scaler is None else data.scaler.to_values()
    digest: str = joblib.hash((arrays, scaling), hash_name="sha1")
    return digest


def _sources(estimator: Any) -> Iterator[tuple[str, str]]:
    """The code of the modules of estimators that are not scikit-learn's: it can change any time."""
    parts = [estimator]
    if hasattr(estimator, "get_params"):
        parts += estimator.get_params().values()
    for module in {type(part).__module__ for part in parts}:
        if module.partition(".")[0] not in ("sklearn", "numpy", "builtins", "keras"):
            yield module, inspect.getsource(sys.modules[module])


def _read(path: Path) -> TeacherPredictions | None:
    """What is kept; None when there is nothing, or nothing whole."""
    try:
        check_archive(path)
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        if str(arrays.pop("digest")) != _digest(arrays):
            return None
        about = json.loads(str(arrays.pop("about")))
        sides: dict[str, dict[str, np.ndarray]] = {"train": {}, "holdout": {}}
        for name, values in arrays.items():
            side, _, key = name.partition(":")
            sides[side][key] = values
        notes = (*about["notes"], "Its predictions come from the cache.")
        return TeacherPredictions(sides["train"], sides["holdout"], about["scores"], notes)
    except Exception:  # zipfile, zlib, numpy and json each fail in ways of their own
        return None


def _digest(arrays: dict[str, Any]) -> str:
    """SHA-256 of names, types, shapes and values."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        values = np.ascontiguousarray(arrays[name])
        found.update(f"{name} {values.dtype.str} {values.shape};".encode())
        found.update(values.tobytes())
    return found.hexdigest()


def _write(path: Path, predicted: TeacherPredictions) -> None:
    """Write whole or not at all."""
    about = json.dumps({"scores": predicted.scores, "notes": predicted.notes})
    arrays: dict[str, Any] = {"about": np.array(about)}
    arrays |= {f"train:{key}": values for key, values in predicted.train.items()}
    arrays |= {f"holdout:{key}": values for key, values in predicted.holdout.items()}
    arrays["digest"] = np.array(_digest(arrays))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, lambda temporary: np.savez_compressed(temporary, **arrays))
