"""Python in a new process, for what must not be touched by what came before."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.benchmarks.engine import ROOT


def output_of(*arguments: str) -> str:
    """What `python ARGUMENTS` prints, run in the repository, with TensorFlow quiet."""
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    return done.stdout
