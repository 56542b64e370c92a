"""What all tests share."""

from __future__ import annotations

import os
import random
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import signal

import numpy as np
import pytest

from tfloss.registry import Registry, load_registry

# Where a script starts the tests with `&`, Ctrl-C is ignored, and so by what they start in turn.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def seeded() -> None:
    """What a test draws without a seed of its own is the same in every order and on every run.

    Another seed for all of them: `TFLOSS_TEST_SEED=7`.
    """
    seed = int(os.environ.get("TFLOSS_TEST_SEED", "0"))
    random.seed(seed)
    np.random.seed(seed)
    # Importing these takes seconds, and a test that imports them itself is one of a few.
    if "tensorflow" in sys.modules:
        sys.modules["tensorflow"].random.set_seed(seed)
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(seed)


@pytest.fixture(scope="session")
def registry() -> Registry:
    """Everything that is installed."""
    return load_registry()


@pytest.fixture(scope="session")
def full_size() -> bool:
    """Whether slow tests run at their full size: TFLOSS_TEST_SIZE=full."""
    return os.environ.get("TFLOSS_TEST_SIZE") == "full"
