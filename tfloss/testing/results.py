"""What a check says: passed, failed and why, or that it does not apply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Status = Literal["passed", "failed", "not applicable", "exempt"]


class CheckFailure(AssertionError):  # noqa: N818 - a finding, raised to end the check
    """A loss does not hold what it should.

    Args:
        what: what is wrong, in one sentence.
        tried: what the check did, in a few words.
        cause: the likely cause, and the remedy.
        inputs: the smallest inputs that show it, by parameter.
    """

    def __init__(
        self, what: str, *, tried: str, cause: str, inputs: dict[str, Any] | None = None
    ) -> None:
        self.what, self.tried, self.cause, self.inputs = what, tried, cause, inputs
        lines = [what, f"  Tried: {tried}"]
        if inputs is not None:
            lines.append(f"  Smallest input that fails: {shown(inputs)}")
        lines.append(f"  Likely cause: {cause}")
        super().__init__("\n".join(lines))


class NotApplicable(Exception):  # noqa: N818 - not an error
    """The check has nothing to say about this loss; the message says why."""


@dataclass(frozen=True)
class CheckResult:
    """What one check found about one loss.

    Attributes:
        loss: the loss's name.
        check: the check's name.
        status: 'passed', 'failed', 'not applicable' or 'exempt' (the loss says why).
        inputs: how many examples were tried.
        message: why it failed or does not apply; '' when it passed.
        seconds: how long it took.
    """

    loss: str
    check: str
    status: Status
    inputs: int = 0
    message: str = ""
    seconds: float = 0.0


def shown(inputs: dict[str, Any]) -> str:
    """Inputs as Python would write them, short."""
    return ", ".join(f"{name}={_array(value)}" for name, value in inputs.items())


def _array(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_array, value))}]"
    array = np.asarray(value)
    if array.size > 24:
        return f"<{array.shape} between {array.min():g} and {array.max():g}>"
    if array.dtype.kind == "f" and array.dtype.itemsize != 4:
        array = array.astype(np.float32)  # so that 0.1 is shown as 0.1
    return np.array2string(array, separator=", ", precision=8).replace("\n", "")
