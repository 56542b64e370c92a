"""Small distributions on disk, installed by standing on the path."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

GOOD = '''
import tfloss
from tfloss import tf

@tfloss.loss
def {name}(labels, probs):
    """Squared distance."""
    return tf.reduce_sum((probs - labels) ** 2, axis=-1)

@tfloss.hookimpl
def tfloss_losses():
    return [{name}]
'''


def install(folder: Path, name: str, code: str, version: str = "1.2") -> None:
    """Write a distribution with one module and one entry point of the group `tfloss`."""
    module = name.replace("-", "_")
    (folder / f"{module}.py").write_text(textwrap.dedent(code))
    info = folder / f"{module}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[tfloss]\n{name} = {module}\n")
    (info / "RECORD").write_text("")


def tfloss(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own that sees the distributions in `folder`."""
    return subprocess.run(
        [sys.executable, "-c", "from tfloss.cli.main import main; main()", *arguments],
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
