"""Run the command line in this process."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass

from tfloss.cli.main import main


@dataclass
class Answer:
    """What a command left."""

    code: int
    out: str
    err: str


def tfloss(*arguments: str) -> Answer:
    """Run `tfloss ARGUMENTS` as in a pipe."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main([str(argument) for argument in arguments])
            code = 0
        except SystemExit as leaving:
            code = int(leaving.code or 0)
    return Answer(code, out.getvalue(), err.getvalue())
