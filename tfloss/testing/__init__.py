"""The kit with which anyone checks a loss.

    from tfloss.testing import parametrize_with_checks

    @parametrize_with_checks([my_loss])
    def test_my_loss(check):
        check()

From a shell: `tfloss check NAME`.
"""

from tfloss.testing.checks import Check
from tfloss.testing.decorator import parametrize_with_checks
from tfloss.testing.domains import DOMAINS, Domain
from tfloss.testing.kit import all_checks, check_loss
from tfloss.testing.results import CheckFailure, CheckResult

__all__ = [
    "DOMAINS",
    "Check",
    "CheckFailure",
    "CheckResult",
    "Domain",
    "all_checks",
    "check_loss",
    "parametrize_with_checks",
]
