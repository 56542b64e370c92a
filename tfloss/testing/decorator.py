"""The line that a plugin's author writes into a test module."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tfloss.registry import Loss
from tfloss.testing.checks import Check
from tfloss.testing.domains import Domain
from tfloss.testing.kit import all_checks, run_check
from tfloss.testing.subject import Subject


def parametrize_with_checks(
    losses: Iterable[Loss],
    *,
    domains: Mapping[str, str | Domain] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Callable[..., Any]:
    """Make a test of every check for every loss.

        @parametrize_with_checks([focal, dice])
        def test_loss(check):
            check()

    Each is a named test, `test_loss[focal-finite gradients]`. A check that does not apply to a
    loss, or that it is exempt from, is skipped with the reason.

    Args:
        losses: what `@tfloss.loss` made.
        domains: what values their tensors take, by parameter; see `check_loss`.
        settings: settings to check them with, instead of the defaults.
    """
    import pytest

    subjects = [Subject(loss, _of(loss, domains), settings) for loss in losses]
    cases = [
        pytest.param(_Case(check, subject), id=f"{subject.loss.name}-{check.name}")
        for subject in subjects
        for check in all_checks()
    ]
    return pytest.mark.parametrize("check", cases)


def _of(loss: Loss, domains: Mapping[str, Any] | None) -> dict[str, Any]:
    """Those of the domains that are about this loss."""
    return {n: d for n, d in (domains or {}).items() if n in loss.signature.positional}


class _Case:
    """A check on a loss, to be called in a test."""

    def __init__(self, check: Check, subject: Subject) -> None:
        self.check, self.subject = check, subject

    def __call__(self) -> None:
        import pytest

        __tracebackhide__ = True
        result = run_check(self.check, self.subject)
        if result.status in ("not applicable", "exempt"):
            pytest.skip(f"{result.status}: {result.message}")
        if result.status == "failed":
            pytest.fail(result.message, pytrace=False)

    def __repr__(self) -> str:
        return f"{self.subject.loss.name}: {self.check.name}"
