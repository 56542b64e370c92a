"""Teachers' predictions in a checkpoint, so that a resumed training fits no teacher again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tfloss.errors import UsageError
from tfloss.io.checked_npz import digest_of
from tfloss.teachers import FittedTeacher
from tfloss.training.checkpoints.manager import Checkpoints

_WORDS = ("alias", "text", "origin", "rows", "scores", "notes", "classes")
_SIDES = ("train", "holdout")
_MASKS = ("present_train", "present_holdout")


def teacher_fingerprint(teacher: Any, **options: Any) -> Any:
    """What was asked for, as plain values: equal for the same teachers.

    Args:
        teacher: as for `tfloss.fit`.
        **options: of all teachers.
    """
    if not teacher:
        return []
    return [_described(teacher), {name: str(value) for name, value in options.items()}]


def _described(teacher: Any) -> Any:
    if isinstance(teacher, str):
        return teacher
    if isinstance(teacher, Mapping):
        return {str(alias): _described(one) for alias, one in teacher.items()}
    if isinstance(teacher, Iterable) and not hasattr(teacher, "fit"):
        return [_described(one) for one in teacher]
    kind = type(teacher).__name__
    if hasattr(teacher, "get_weights"):
        weights = {str(n): w for n, w in enumerate(teacher.get_weights())}
        return f"{kind} {digest_of(weights)}"
    import joblib

    try:
        return f"{kind} {joblib.hash(teacher, hash_name='sha1')}"
    except Exception:  # what cannot be pickled cannot be hashed
        return kind


def predictions_fingerprint(teachers: Mapping[str, FittedTeacher]) -> dict[str, str]:
    """A digest of each teacher's answers."""
    return {alias: digest_of(to_arrays({alias: t})[0]) for alias, t in teachers.items()}


def to_arrays(teachers: Mapping[str, FittedTeacher]) -> tuple[dict[str, np.ndarray], list[Any]]:
    """All that a training uses of its teachers: arrays, and what JSON can hold."""
    arrays: dict[str, np.ndarray] = {}
    about = []
    for number, teacher in enumerate(teachers.values()):
        about.append({name: getattr(teacher, name) for name in _WORDS})
        for side in _SIDES:
            answers = getattr(teacher, side)
            arrays |= {f"{number}:{side}:{key}": values for key, values in answers.items()}
        for mask in _MASKS:
            if getattr(teacher, mask) is not None:
                arrays[f"{number}:{mask}"] = getattr(teacher, mask)
    return arrays, about


def from_arrays(arrays: Mapping[str, np.ndarray], about: Iterable[Any]) -> dict[str, FittedTeacher]:
    """The teachers as they were, but for their estimators."""
    teachers = {}
    for number, words in enumerate(about):
        own = {
            name.partition(":")[2]: values
            for name, values in arrays.items()
            if name.startswith(f"{number}:")
        }
        values: dict[str, Any] = {**words, "notes": tuple(words["notes"])}
        for side in _SIDES:
            start = f"{side}:"
            values[side] = {n.removeprefix(start): v for n, v in own.items() if n.startswith(start)}
        values |= {mask: own.get(mask) for mask in _MASKS}
        alias = words["alias"]
        teachers[alias] = FittedTeacher(**values, fit=_refusing(alias))
    return teachers


def from_checkpoint(checkpoints: Checkpoints | None, asked_for: Any) -> dict[str, FittedTeacher]:
    """The teachers whose answers a checkpoint holds, {} where there is none; refuses others.

    Raises:
        UsageError: they are not those that are asked for now.
    """
    if checkpoints is None or checkpoints.fingerprint is None:
        return {}
    checkpoints.require_same({"teachers": asked_for})
    return from_arrays(checkpoints.teacher_arrays, checkpoints.teacher_metadata)


def _refusing(alias: str) -> Any:
    def fit() -> Any:
        raise UsageError(
            f"The teacher '{alias}' was not fitted: its answers come from the checkpoint that the "
            f"training was resumed from."
        )

    return fit
