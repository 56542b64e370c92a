"""The spherical score: tfloss's whole suite, and a value worked out by hand."""

import pytest
from tfloss import tf
from tfloss.testing import parametrize_with_checks

from tfloss_spherical import spherical


@parametrize_with_checks([spherical])
def test_checks(check):
    check()


def test_by_hand():
    """p = (1/2, 1/2): 1 - (1/2) / sqrt(1/2)."""
    value = spherical(tf.constant([[1.0, 0.0]]), tf.constant([[0.0, 0.0]]))
    assert value.numpy() == pytest.approx([1 - 0.5**0.5])
