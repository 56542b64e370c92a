"""A configuration that came with something is not trusted to name code.

The list is of what may stand in it, not of what may not: registered names, scikit-learn's classes,
files that are loaded without running anything, and settings that are plain values.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from tfloss.errors import UsageError
from tfloss.formula import ShortText, parse_short_text
from tfloss.registry import load_registry
from tfloss.teachers import parse_teacher

_NAME = re.compile(r"[A-Za-z_]\w*")  # without a colon or a dot: no module's
_FILE = re.compile(r"[^:]*\.(skops|keras)")
_COLUMN = re.compile(r"column:[^:]+")
_WORD = re.compile(r"[\w .,+*/-]*")
_TRUST = "trust"  # types of a skops file that are not trusted by themselves


def refuse_code(values: Mapping[str, Any], given: Mapping[str, Any], origin: str) -> None:
    """Refuse a file whose model or teachers could import and call code.

    Whoever wrote the file could name any installed module. The same text on the command line says
    that the user trusts it.

    Args:
        values: of the file.
        given: what stands on the command line, by the same names.
        origin: the file, for the message.

    Raises:
        UsageError: with what to type.
    """
    model = values.get("model")
    if isinstance(model, str) and not given.get("model") and not _plain_model(model):
        raise _refusal(origin, model, "--model")
    teachers = values.get("teacher")
    texts = [teachers] if isinstance(teachers, str) else teachers  # of the wrong type, said later
    if isinstance(texts, (list, tuple)) and not given.get("teacher"):
        for teacher in texts:
            if isinstance(teacher, str) and not _plain_teacher(teacher):
                raise _refusal(origin, teacher, "--teacher")


def _refusal(origin: str, text: str, option: str) -> UsageError:
    return UsageError(
        f"{origin} names code, '{text}', that would be imported and run; if you trust it, say so "
        f"on the command line: {option} {shlex.quote(text)}."
    )


def _plain_model(text: str) -> bool:
    """A registered model, or a file of Keras, with plain settings."""
    model = parse_short_text(text, what="model", calls=True)
    known = model.name in load_registry().models or _FILE.fullmatch(model.name)
    return bool(known) and _plain_values(model)


def _plain_teacher(text: str) -> bool:
    """A name, a column or a file, with plain settings."""
    teacher = parse_teacher(text)
    known = any(kind.fullmatch(teacher.name) for kind in (_NAME, _COLUMN, _FILE))
    return known and _plain_settings(teacher.settings)


def _plain_values(text: ShortText) -> bool:
    return all(map(_plain, text.values)) and _plain_settings(text.settings)


def _plain_settings(settings: Mapping[str, Any]) -> bool:
    trusting = any(name.rpartition("__")[2] == _TRUST for name in settings)
    return not trusting and all(map(_plain, settings.values()))


def _plain(value: Any) -> bool:
    """A number, a bool, none, a word, another name with plain settings, or a list of these."""
    if isinstance(value, ShortText):
        return bool(_NAME.fullmatch(value.name)) and _plain_values(value)
    if isinstance(value, str):
        return bool(_WORD.fullmatch(value))
    if isinstance(value, Iterable):
        return all(map(_plain, value))
    return value is None or isinstance(value, (bool, int, float))
