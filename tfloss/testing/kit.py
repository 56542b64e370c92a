"""Running the checks: all of them on a loss, or one."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from tfloss.registry import Loss

# Importing these modules fills CHECKS, in this order.
from tfloss.testing import (  # noqa: F401
    dtypes,
    execution,
    gradients,
    packaging,
    properties,
    ranges,
    saturation,
    shapes,
    sizes,
    state,
    values,
)
from tfloss.testing.checks import CHECKS, Check
from tfloss.testing.domains import Domain
from tfloss.testing.replicas import prepare_devices
from tfloss.testing.results import CheckFailure, CheckResult, NotApplicable
from tfloss.testing.subject import Subject

Domains = Mapping[str, "str | Domain"]

_IDEAS = (
    "shapes",
    "values",
    "dtypes",
    "gradients",
    "saturation",
    "properties",
    "ranges",
    "sizes",
    "execution",
    "state",
    "packaging",
)


def all_checks() -> list[Check]:
    """Every check, grouped by idea."""
    return sorted(CHECKS.values(), key=lambda check: _IDEAS.index(check.idea))


def check_loss(
    loss: Loss,
    *,
    domains: Domains | None = None,
    settings: Mapping[str, Any] | None = None,
    checks: Iterable[str] | None = None,
) -> list[CheckResult]:
    """Check a loss.

    Args:
        loss: what `@tfloss.loss` made.
        domains: what values its tensors take, by parameter, where neither their names nor the
            declaration tell; names of `tfloss.testing.DOMAINS`, or a `Domain`.
        settings: settings to check it with, instead of the defaults.
        checks: names of checks, instead of all of them.

    Returns:
        one result per check; none of them raises.
    """
    subject = Subject(loss, domains, settings)
    wanted = set(CHECKS if checks is None else checks)
    return [run_check(check, subject) for check in all_checks() if check.name in wanted]


def run_check(check: Check, subject: Subject) -> CheckResult:
    """One check on one loss; what goes wrong becomes part of the result."""
    prepare_devices()
    started = time.perf_counter()
    status, inputs, message = "passed", 0, ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy's, about the extremes that are meant
            inputs = check.examine(subject)
    except NotApplicable as reason:
        status, message = "not applicable", str(reason)
    except CheckFailure as failure:
        status, message = "failed", str(failure)
    except Exception as error:
        status = "failed"
        message = f"{subject.loss.name} stopped the check: {type(error).__name__}: {error}"
    if check.name in subject.loss.exempt:
        status, message = _exempted(status, subject.loss.exempt[check.name])
    seconds = time.perf_counter() - started
    return CheckResult(subject.loss.name, check.name, status, inputs, message, seconds)  # type: ignore[arg-type]


def _exempted(status: str, reason: str) -> tuple[str, str]:
    """A declared exemption holds only while the check fails."""
    if status == "failed":
        return "exempt", reason
    return "failed", f"It is exempt ({reason}), but the check does not fail; take exempt= away."
