"""The parts of the catalogue; the pages made of them are tested in tests/documents."""

from __future__ import annotations

import re

import pytest

import tfloss
from tfloss.report.catalogue import (
    built_in,
    by_family,
    example_of,
    properties_of,
    source_of,
)

LOSSES = built_in()


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
