"""What all tests share."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import signal

import pytest

from tfloss.registry import Registry, load_registry

# Where a script starts the tests with `&`, Ctrl-C is ignored, and so by what they start in turn.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def registry() -> Registry:
    """Everything that is installed."""
    return load_registry()


@pytest.fixture(scope="session")
def full_size() -> bool:
    """Whether slow tests run at their full size: TFLOSS_TEST_SIZE=full."""
    return os.environ.get("TFLOSS_TEST_SIZE") == "full"
