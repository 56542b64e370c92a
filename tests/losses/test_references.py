"""Losses that are written once more in plain numpy and SciPy: the kit compares both."""

from __future__ import annotations

import pytest

from tests.losses.test_declarations import LOSSES
from tfloss.testing import check_loss

TWICE = [loss for loss in LOSSES if loss.reference is not None]


@pytest.mark.parametrize("loss", TWICE, ids=lambda loss: loss.name)
def test_a_loss_is_what_it_is_in_plain_numpy(loss):
    (result,) = check_loss(loss, checks=["equals its reference"])
    assert result.status == "passed", result.message
    assert result.inputs >= 12


def test_those_that_could_be_turned_round_are_among_them():
    assert {"kl", "forward_kl", "binary_kl", "jeffreys", "js", "kd"} <= {
        loss.name for loss in TWICE
    }
