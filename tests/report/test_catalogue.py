"""docs/losses.md is what the registry says; the catalogue's parts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import tfloss
from tfloss.report.catalogue import (
    built_in,
    by_family,
    example_of,
    page,
    properties_of,
    source_of,
)

ROOT = Path(__file__).parents[2]
LOSSES = built_in()


def test_the_page_is_up_to_date():
    text = (ROOT / "docs" / "losses.md").read_text(encoding="utf-8")
    assert text == page(LOSSES), "write it: python -m tfloss.report.catalogue > docs/losses.md"


def test_the_readme_leads_to_it():
    assert "(docs/losses.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("loss", LOSSES.values(), ids=lambda loss: loss.name)
def test_a_source_can_be_found(loss):
    """A title, a place in it (a number that may be false is worse than none), or other code."""
    assert re.search(
        r"\".+\"|\b(eq\.|section|definition|algorithm|theorem|as in|as the|recipe)",
        source_of(loss),
    ), source_of(loss)


def test_families_have_an_order_and_a_plugins_own_come_last():
    own = tfloss.loss(lambda labels: labels, name="own", family="aardvark")
    families = by_family([own, *LOSSES.values()])
    assert next(iter(families)) == "classification"
    assert list(families)[-1] == "aardvark"
    assert sum(map(len, families.values())) == len(LOSSES) + 1


def plain(labels, *, sharp=True, rate=0.5):
    """Something.

    sharp, rate: settings.
    Returns (batch,).  Source: Somebody 1999,
    eq. 3.
    """


def test_parts_that_are_not_declared_are_found():
    loss = tfloss.loss(plain, range=(0, None), kinks=("labels == 0",))
    assert source_of(loss) == "Somebody 1999, eq. 3."
    assert example_of(loss) == "plain(rate=0.5)"
    assert properties_of(loss) == "one value per example; range 0 to inf; kinks where labels == 0"
