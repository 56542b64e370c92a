"""Tables show names as they are."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from tfloss.report.tables import plain_table, text_table

NAMES = (r"\left[a\right]", "rows[b].csv", "f(flags=[true])", "[/]")


@pytest.mark.parametrize("make", [plain_table, text_table])
@pytest.mark.parametrize("name", NAMES)
def test_brackets_are_no_markup(make, name):
    console = Console(width=60, file=io.StringIO())
    console.print(make(name, (name, "value"), [(name, "1")]))
    assert console.file.getvalue().count(name) == 3
