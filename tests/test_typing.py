"""What a type checker sees of a user's program that declares a loss."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
from typing import Annotated

import tfloss
from tfloss.constraints import AtLeast
from tfloss.typing import Tensor


@tfloss.loss(same_shape=("labels", "logits"), range=(0, None))
def squares(labels: Tensor, logits: Tensor, *, power: Annotated[float, AtLeast(1)] = 2.0) -> Tensor:
    return abs(labels - logits) ** power


@tfloss.loss
def bare(labels: Tensor, logits: Tensor) -> Tensor:
    return labels - logits


@tfloss.schedule
def halving(step: Tensor, start: float, *, steps: float) -> Tensor:
    return start * 0.5 ** (step / steps)


reveal_type(squares)
reveal_type(bare)
reveal_type(halving)
reveal_type(squares.per)
squares.no_such_attribute
"""


def test_decorators_keep_their_type(tmp_path: Path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, "-m", "mypy", "--strict", "--python-version", "3.11"]
    done = subprocess.run(
        [*command, "--ignore-missing-imports", "--follow-imports=silent", str(program)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    said = done.stdout
    for name in ("loss.Loss", "of_formulas.Schedule"):
        assert f'Revealed type is "tfloss.registry.declarations.{name}"' in said, said
    assert said.count('declarations.loss.Loss"') == 2, said
    assert "Literal['example']" in said, said
    assert '"Loss" has no attribute "no_such_attribute"' in said, said
    assert "Found 1 error" in said, said
