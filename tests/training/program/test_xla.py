"""XLA's limit for small loops is set where nobody has set it."""

from __future__ import annotations

import os

import pytest

from tfloss.training.program.xla import SMALL_LOOP_BYTES, prepare_xla

OURS = f"xla_cpu_small_while_loop_byte_threshold={SMALL_LOOP_BYTES}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"--xla_backend_extra_options={OURS}"),
        ("--xla_a=1", f"--xla_a=1 --xla_backend_extra_options={OURS}"),
        ("--xla_backend_extra_options=b", f"--xla_backend_extra_options={OURS},b"),
        (
            "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=7",
            "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=7",
        ),
    ],
)
def test_flags(monkeypatch, before, after):
    monkeypatch.setenv("XLA_FLAGS", before)
    prepare_xla()
    assert os.environ["XLA_FLAGS"] == after
    prepare_xla()
    assert os.environ["XLA_FLAGS"] == after
