"""Tables in text files: the separator, the header and the encoding, said or found."""

from __future__ import annotations

import csv
import io
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import tfloss
from tfloss_datasets.cells import GAPS, parse
from tfloss_datasets.columns import Columns

_SEPARATORS = (",", ";", "\t", "|")
_WORDS = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}
_LINES = 30  # that tell the separator


class Layout(NamedTuple):
    """How a text file is written; None: found from the file.

    Attributes:
        separator: between cells; ' ' stands for any white space.
        encoding: of the text; None: UTF-8.
        header: whether the first line has the columns' names.
        decimal: ',' or '.'.
    """

    separator: str | None = None
    encoding: str | None = None
    header: bool | None = None
    decimal: str | None = None


def read(
    path: Path, layout: Layout, categories: tuple[str, ...] = (), labels: str | None = None
) -> Columns:
    """The columns of a text file, each as what its cells spell.

    `categories` are taken as text, and so is `labels` where it is in doubt.

    Raises:
        DataError: another encoding, no rows, or a header that is missing.
    """
    lines = _first_lines(path, layout.encoding)
    separator = _separator(path, layout.separator, lines)
    rows = _split(lines, separator)
    if not rows:
        raise tfloss.DataError(f"The file '{path}' is empty.")
    header = _has_header(path, layout.header, rows)
    width = len(rows[0])
    names = [cell.strip() for cell in rows[0]] if header else [f"x{n}" for n in range(width)]
    table = _cells(path, separator, layout.encoding, names, header)
    values: list[Any] = []
    for name, texts in zip(names, table, strict=True):
        plain = texts.to_numpy(zero_copy_only=False)
        if name not in categories:
            found = parse(name, texts, decimal=layout.decimal, comma=separator == ",")
            doubtful = not isinstance(found, type(plain))
            plain = plain if doubtful and name == labels else found
        values.append(plain)
    columns = Columns(names, values)
    if not header:
        columns.notes.append(f"There is no header: columns are called x0 to x{width - 1}.")
    return columns


def _opened(path: Path) -> Any:
    from tfloss.data import open_gzip

    return open_gzip(path) if path.suffix.lower() == ".gz" else path.open("rb")


def _first_lines(path: Path, encoding: str | None) -> list[str]:
    try:
        with (
            _opened(path) as raw,
            io.TextIOWrapper(raw, encoding or "utf-8-sig", newline="") as text,
        ):
            return [line for line in islice(text, _LINES) if line.strip()]
    except LookupError as error:
        raise tfloss.UsageError(f"There is no encoding '{encoding}'.") from error
    except UnicodeDecodeError as error:
        raise _other_encoding(path, encoding) from error


def _other_encoding(path: Path, encoding: str | None) -> Exception:
    return tfloss.DataError(
        f"The file '{path}' cannot be read as {encoding or 'UTF-8'}; say how its text is encoded "
        f"(--encoding), latin-1 or cp1252 for example."
    )


def _split(lines: list[str], separator: str) -> list[list[str]]:
    if separator == " ":
        plain = (" ".join(line.split()) if '"' not in line else line.strip() for line in lines)
        return list(
            csv.reader((p.replace("\t", " ") for p in plain), delimiter=" ", skipinitialspace=True)
        )
    return list(csv.reader(lines, delimiter=separator))


def _separator(path: Path, given: str | None, lines: list[str]) -> str:
    if given is not None:
        sign = _WORDS.get(given, given)
        if len(sign) != 1:
            raise tfloss.UsageError(
                f"The separator of '{path}' cannot be {given!r}; it is one character, or 'tab' or "
                f"'space'."
            )
        return sign
    if ".tsv" in path.suffixes:
        return "\t"
    found = {sign: {len(row) for row in _split(lines, sign)} for sign in (*_SEPARATORS, " ")}
    steady = [sign for sign, widths in found.items() if len(widths) == 1 and max(widths) > 1]
    if steady:
        return max(steady, key=lambda sign: (sign != " ", max(found[sign])))
    return ","


def _has_header(path: Path, given: bool | None, rows: list[list[str]]) -> bool:
    """Whether the first row has names; refused where it has numbers, as if they were names.

    Names that count columns, 0, 1, 2, …, are names.
    """
    if given is not None:
        return given
    first = [cell.strip() for cell in rows[0]]
    numbers = [cell for cell in first if _is_number(cell)]
    counted = [str(place) for place in range(len(first))]
    if not numbers or first in (counted, ["", *counted[:-1]]):
        return True
    if ".data" in path.suffixes:
        return False
    raise tfloss.DataError(
        f"The file '{path}' seems to have no header: its first line holds {numbers[0]!r} where a "
        f"column's name is expected; say --no-header (columns are called x0, x1, …), or --header."
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True


def _cells(
    path: Path, separator: str, encoding: str | None, names: list[str], header: bool
) -> list[Any]:
    """Every column as text, null where a cell is empty."""
    if separator == " ":
        return _by_white_space(path, encoding, len(names), header)
    import pyarrow as pa
    from pyarrow import csv as arrow

    gaps = [*arrow.ConvertOptions().null_values, *GAPS]
    own = [f"{place}" for place in range(len(names))]  # a name can occur twice; reported later
    with _opened(path) as raw:
        table = arrow.read_csv(
            pa.PythonFile(raw, mode="r"),
            read_options=arrow.ReadOptions(
                column_names=own, skip_rows_after_names=int(header), encoding=encoding or "utf8"
            ),
            parse_options=arrow.ParseOptions(delimiter=separator, newlines_in_values=True),
            convert_options=arrow.ConvertOptions(
                column_types=dict.fromkeys(own, pa.string()),
                null_values=gaps,
                strings_can_be_null=True,
            ),
        )
    return [column.combine_chunks() for column in table.columns]


def _by_white_space(path: Path, encoding: str | None, width: int, header: bool) -> list[Any]:
    import pyarrow as pa
    from pyarrow import csv as arrow

    with _opened(path) as raw, io.TextIOWrapper(raw, encoding or "utf-8-sig") as text:
        rows = _split([line for line in text if line.strip()], " ")[int(header) :]
    for number, row in enumerate(rows):
        if len(row) != width:
            raise tfloss.DataError(
                f"The row {number} (counted from 0) of '{path}' has {len(row)} cells where "
                f"{width} were expected; name the separator (--separator)."
            )
    gaps = {*arrow.ConvertOptions().null_values, *GAPS}
    cells = [[None if cell in gaps else cell for cell in row] for row in rows]
    return [pa.array(column, pa.string()) for column in zip(*cells, strict=True)]
