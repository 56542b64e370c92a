"""A configuration that came with something is not trusted to name code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfloss.errors import TflossError, UsageError
from tfloss.formula import ShortText
from tfloss.registry import load_registry
from tfloss.teachers import parse_teacher

_WITHOUT_CODE = ("column",)  # prefixes whose colon names no module


def refuse_code(values: Mapping[str, Any], said: Mapping[str, Any], origin: str) -> None:
    """Refuse a file's `package.module:object`, and its trust in types of a skops file.

    Whoever wrote the file could name any installed module, which would be imported and called. The
    same text on the command line says that the user trusts it.

    Args:
        values: of the file.
        said: what stands on the command line, by the same names.
        origin: the file, for the message.

    Raises:
        UsageError: with what to type.
    """
    model = values.get("model")
    if isinstance(model, str) and not said.get("model") and _model_names_code(model):
        raise _refusal(origin, model, "--model")
    teachers = values.get("teacher", ())
    for teacher in (
        teachers if isinstance(teachers, (list, tuple)) and not said.get("teacher") else ()
    ):
        if isinstance(teacher, str) and _teacher_names_code(teacher):
            raise _refusal(origin, teacher, "--teacher")


def _refusal(origin: str, text: str, option: str) -> UsageError:
    return UsageError(
        f"{origin} names code, '{text}', that would be imported and run; if you trust it, say so "
        f'on the command line: {option} "{text}".'
    )


def _model_names_code(text: str) -> bool:
    # Without a dot it may be a model's name with a value, `mlp:relu`.
    return _names_code(text) and text.partition(":")[0] not in load_registry().models


def _names_code(text: str) -> bool:
    head, _, tail = text.partition(":")
    return tail.isidentifier() and head not in _WITHOUT_CODE


def _teacher_names_code(text: str) -> bool:
    try:
        teacher = parse_teacher(text)
    except TflossError:
        return False  # is refused where it is used
    return (
        _names_code(teacher.name)
        or "trust" in teacher.settings
        or any(map(_holds_code, teacher.settings.values()))
    )


def _holds_code(value: Any) -> bool:
    """Whether a setting makes an estimator by a module's name, however deep."""
    if isinstance(value, ShortText):
        return _names_code(value.name) or any(
            map(_holds_code, (*value.values, *value.settings.values()))
        )
    if isinstance(value, (list, tuple)):
        return any(map(_holds_code, value))
    return False
