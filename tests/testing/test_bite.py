"""The kit bites: each mistake is caught by its check, and by no other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.testing.broken_losses import BROKEN
from tests.testing.heavy_module import heavy
from tfloss import tf
from tfloss.testing import all_checks, check_loss

REPLICAS = "the same on two replicas"
COUPLED = {"order of the batch", "a subset gives the subset"}
ROOT = Path(__file__).parents[2]
CASES = [*BROKEN, (heavy, {"import is cheap"})]


@pytest.mark.parametrize(("loss", "expected"), CASES, ids=[loss.name for loss, _ in CASES])
def test_a_mistake_is_caught_by_its_check_and_no_other(loss, expected):
    results = check_loss(loss)
    failed = {result.check: result.message for result in results if result.status == "failed"}
    if COUPLED & expected and len(tf.config.list_logical_devices("CPU")) == 1:
        failed.pop(REPLICAS, None)  # in a session that has one device, halves stand for replicas
    assert set(failed) == expected, "\n".join(failed.values())
    for message in failed.values():
        assert "Tried:" in message
        assert "Likely cause:" in message


def test_every_check_has_a_loss_that_it_catches():
    caught = {check for _, checks in CASES for check in checks}
    assert {check.name for check in all_checks()} == caught | {REPLICAS}


def test_the_table_of_shipped_mistakes_is_what_the_losses_show():
    """docs/plugins.md: of each project, a loss with its mistake and the checks that must fail."""
    text = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    section = text.split("## Mistakes that were shipped")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    told = {where: set(checks.split("; ")) for _, where, checks in rows[2:]}
    shown = {
        where: checks
        for loss, checks in BROKEN
        for where in told
        if where in loss.description.partition("\n")[0]
    }
    assert shown == told
    assert len(told) == 10


def test_a_mistake_on_two_replicas_is_caught_where_there_are_two():
    """In a process of its own, where TensorFlow has not started with one device."""
    program = (
        "from tests.testing.broken_losses import divides_by_replicas\n"
        "from tfloss.testing import check_loss\n"
        "results = check_loss(divides_by_replicas)\n"
        "print(*[result.check for result in results if result.status == 'failed'], sep=';')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == REPLICAS
