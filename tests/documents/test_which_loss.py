"""Every formula of docs/which_loss.md can be computed, and every loss family is on the page."""

from __future__ import annotations

import numpy as np
import pytest
from tfloss_docs.decision import choices
from tfloss_docs.losses import names_in

from tests.losses.test_examples import WORLDS, value
from tfloss.errors import UsageError
from tfloss.registry import load_registry
from tfloss.report.catalogue import built_in, example_of

from .pages import DOCS

CHOICES = choices(DOCS / "which_loss.md")
LOSSES = built_in()
# A loss's name or its example is computed by tests/losses/test_examples.py.
COMPUTED = {*LOSSES, *(example_of(loss) for loss in LOSSES.values())}
FORMULAS = sorted({choice.formula for choice in CHOICES} - COMPUTED)


@pytest.mark.parametrize("formula", FORMULAS)
def test_it_can_be_computed(formula):
    refusals = []
    for world in WORLDS:
        try:
            assert np.isfinite(value(formula, *world))
            return
        except (UsageError, ValueError) as refusal:
            refusals.append(f"{world}: {refusal}")
    pytest.fail("\n".join(refusals))


def test_every_line_names_something_and_says_why():
    names = {*LOSSES, *load_registry().balances}
    for choice in CHOICES:
        assert names_in(choice.formula) & names
        assert choice.why.endswith((".", "balances.md).", "plugins.md)."))


def test_a_question_is_not_asked_twice():
    asked = [(choice.answers, choice.symptom) for choice in CHOICES]
    assert len(asked) == len(set(asked)) > 80
