"""The reference in docs/plugins.md is what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tfloss.testing.reference import SECTIONS

DOCUMENT = Path(__file__).parents[2] / "docs" / "plugins.md"


@pytest.mark.parametrize("section", SECTIONS)
def test_the_document_is_up_to_date(section):
    text = DOCUMENT.read_text(encoding="utf-8")
    found = re.search(rf"<!-- {section}: .*? -->\n(.*?)\n<!-- end -->", text, re.DOTALL)
    assert found, f"docs/plugins.md has no section '{section}'"
    assert found[1] == SECTIONS[section](), "paste what `python -m tfloss.testing.reference` prints"
