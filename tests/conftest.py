"""What all tests share."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pytest

from tfloss.registry import Registry, load_registry


@pytest.fixture(scope="session")
def registry() -> Registry:
    """Everything that is installed."""
    return load_registry()


@pytest.fixture(scope="session")
def full_size() -> bool:
    """Whether slow tests run at their full size: TFLOSS_TEST_SIZE=full."""
    return os.environ.get("TFLOSS_TEST_SIZE") == "full"
