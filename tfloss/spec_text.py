"""Short texts on a command line: `mlp:10,10,activation=relu`, `sgd:learning_rate=0.05`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tfloss.errors import UsageError

_WORDS = {"true": True, "false": False, "none": None}


@dataclass(frozen=True)
class Specification:
    """A name with what follows its colon.

    Attributes:
        name: what stands before the first colon.
        values: the entries without a name, in order.
        settings: the entries `name=value`.
        text: the whole as written.
    """

    name: str
    values: tuple[Any, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    text: str = ""


def parse_specification(text: str, *, what: str) -> Specification:
    """Read `name`, `name:value,…` or `name:setting=value,…`.

    A value is a number, true, false, none, or text. What looks like `package.module:object` or a
    path is not taken apart: see `is_reference`.

    Raises:
        UsageError: an empty name, value or setting, or a setting given twice; `what` says of what.
    """
    if is_reference(text):
        return Specification(text, text=text)
    name, colon, rest = text.partition(":")
    values: list[Any] = []
    settings: dict[str, Any] = {}
    for piece in rest.split(",") if colon else []:
        setting, equals, value = piece.partition("=")
        setting, value = setting.strip(), value.strip()
        if not setting or (equals and not value) or setting in settings:
            raise UsageError(
                f"The {what} '{text}' cannot be read near '{piece}'; write NAME:setting=value,…, "
                f"each setting once."
            )
        if equals:
            settings[setting] = parse_value(value)
        else:
            values.append(parse_value(setting))
    if not name.strip():
        raise UsageError(f"The {what} '{text}' has no name; write NAME or NAME:setting=value.")
    return Specification(name.strip(), tuple(values), settings, text)


def is_reference(text: str) -> bool:
    """Whether a text is a file's path or `package.module:object`, to be taken as one name."""
    head, colon, tail = text.partition(":")
    if (
        "/" in head
        or "\\" in head
        or head.endswith((".keras", ".csv", ".parquet", ".npz", ".skops"))
    ):
        return True
    return bool(colon) and "." in head and tail.isidentifier()


def parse_value(text: str) -> Any:
    """A number, true, false, none, or the text itself."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text
