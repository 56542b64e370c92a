"""What the cells of a text file spell: numbers, dates, true and false, or text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from tfloss.data import Doubt

# Cells that stand for nothing, besides those that pyarrow knows: NA, N/A, NaN, null, ….
GAPS = ("?",)

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_COMMA = r"^[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?$"  # 1.234,5
_THOUSANDS = r"^[+-]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?$"  # 1,234.5
_DATES = (
    *("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"),
    *("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%d.%m.%Y %H:%M", "%d %b %Y"),
)
_EITHER = ("%m/%d/%Y", "%d/%m/%Y")  # of which the days tell one
_MOSTLY = 0.5  # numbers in so many cells make text in the others doubtful


def parse(name: str, texts: Any, *, decimal: str | None, comma: bool) -> np.ndarray | Doubt:
    """A column of text as numbers, booleans, dates or text; or what is doubtful about it.

    Args:
        name: of the column.
        texts: pyarrow's array of strings; null is a gap.
        decimal: ',' or '.'; None: what the cells look like.
        comma: whether the file's separator is a comma, so that one inside of a cell can mean
            thousands as well.
    """
    import pyarrow.compute as pc

    texts = pc.utf8_trim_whitespace(texts)
    known = texts.drop_null()
    if not len(known):
        return _as_float(texts)
    plain = decimal != "," and _all_match(known, _NUMBER)
    if plain:
        return _numbers(texts)
    lower = set(pc.unique(pc.utf8_lower(known)).to_pylist()) if len(known) else set()
    if lower <= {"true", "false"}:
        return _booleans(texts)
    found = _with_commas(name, texts, known, decimal, comma)
    if found is None:
        found = _dates(name, texts, known)
    if found is None:
        found = _doubtful(name, texts, known, decimal)
    return texts.to_numpy(zero_copy_only=False) if found is None else found


def _all_match(known: Any, pattern: str) -> bool:
    import pyarrow.compute as pc

    return bool(pc.all(pc.match_substring_regex(known, pattern)).as_py())


def _as_float(texts: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    plain = pc.replace_substring_regex(texts, r"^\+", "")
    plain = pc.replace_substring_regex(plain, r"^(-?)\.", r"\10.")
    return pc.cast(plain, pa.float64()).to_numpy(zero_copy_only=False)


def _numbers(texts: Any) -> Any:
    """Whole numbers without gaps stay whole."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not texts.null_count:
        try:
            return pc.cast(texts, pa.int64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            pass
    return _as_float(texts)


def _booleans(texts: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.cast(pc.utf8_lower(texts), pa.bool_()).to_numpy(zero_copy_only=False)


def _with_commas(name: str, texts: Any, known: Any, decimal: str | None, comma: bool) -> Any:
    """Numbers with a decimal comma, or with commas between thousands; None where they are none."""
    import pyarrow.compute as pc

    from tfloss.data import Doubt

    there = pc.match_substring(known, ",")
    if not bool(pc.any(there).as_py()) and decimal != ",":
        return None
    european = decimal != "." and _all_match(known, _COMMA)
    thousands = decimal != "," and _all_match(known, _THOUSANDS)
    if decimal is None and comma and european and thousands:
        row = texts.to_pylist().index(known.filter(there)[0].as_py())
        return Doubt(
            name,
            f"holds {texts[row].as_py()!r} in row {row} (counted from 0), whose comma can mean "
            f"decimals or thousands (say --decimal , or --decimal .)",
        )
    if european and (not comma or decimal == "," or not thousands):
        return _as_float(pc.replace_substring(pc.replace_substring(texts, ".", ""), ",", "."))
    if thousands:
        return _as_float(pc.replace_substring(texts, ",", ""))
    return None


def _dates(name: str, texts: Any, known: Any) -> Any:
    """Dates in one of the usual ways of writing them; None where they are none."""
    import pyarrow.compute as pc

    from tfloss.data import Doubt

    if not _all_match(known, r"^\d{1,4}[-/. ]"):
        return None
    for way in _DATES:
        if _spelt(known, way):
            return pc.strptime(texts, way, "s").to_numpy(zero_copy_only=False)
    ways = [way for way in _EITHER if _spelt(known, way)]
    if len(ways) == 2:
        cell = known[0].as_py()
        row = texts.to_pylist().index(cell)
        return Doubt(
            name,
            f"holds {cell!r} in row {row} (counted from 0), a date whose day and month cannot be "
            f"told apart",
        )
    return pc.strptime(texts, ways[0], "s").to_numpy(zero_copy_only=False) if ways else None


def _spelt(known: Any, way: str) -> bool:
    import pyarrow.compute as pc

    first = pc.strptime(known[:1], way, "s", error_is_null=True)
    return not first.null_count and not pc.strptime(known, way, "s", error_is_null=True).null_count


def _doubtful(name: str, texts: Any, known: Any, decimal: str | None) -> Doubt | None:
    """Numbers in most cells, and text in the others: as what should it be read?"""
    import pyarrow.compute as pc

    from tfloss.data import Doubt

    pattern = _COMMA if decimal == "," else _NUMBER
    numbers = pc.match_substring_regex(texts, pattern)
    share = pc.sum(numbers.cast("int64")).as_py() / len(known)
    if share < _MOSTLY:
        return None
    row = numbers.to_pylist().index(False)
    return Doubt(
        name,
        f"holds {texts[row].as_py()[:40]!r} in row {row} (counted from 0), which is not a number, "
        f"and numbers elsewhere",
    )
