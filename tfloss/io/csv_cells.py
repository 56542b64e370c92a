"""Text from elsewhere in a CSV file that somebody may open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

_COMPUTED = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def csv_text(rows: Iterable[Sequence[str]]) -> str:
    """Rows as CSV, each ending in a line feed; the cells as `inert_cell` leaves them.

    Python's writer quotes a carriage return only where its own lines end in one.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    lines = []
    for row in rows:
        writer.writerow(list(map(inert_cell, row)))
        lines.append(stream.getvalue()[:-2])
        stream.seek(0)
        stream.truncate()
    return "".join(f"{line}\n" for line in lines)


def inert_cell(text: str) -> str:
    """The text, with an apostrophe in front where a spreadsheet would compute it.

    A number, -1 for example, is no text. Source: OWASP, "CSV Injection",
    https://owasp.org/www-community/attacks/CSV_Injection.

    Example:
        >>> [inert_cell(text) for text in ("=1+1", "-1", "a=b")]
        ["'=1+1", '-1', 'a=b']
    """
    return f"'{text}" if text.startswith(_COMPUTED) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.isprintable()
