"""How many steps one call takes: fewer where each is longer, and other numbers on a GPU."""

from __future__ import annotations

import pytest
import tensorflow as tf

from tfloss.training.loop.chunk_size import steps_per_call

HOURS = 10**15  # multiply-adds


@pytest.fixture
def on_gpu(monkeypatch):
    def devices(kind=None):
        return ["a GPU"] if kind == "GPU" else []

    monkeypatch.setattr(tf.config, "list_logical_devices", devices)


@pytest.mark.parametrize("how", ["xla", "graph", "eager"])
def test_the_work_the_machine_and_a_wish_bound_it(how):
    cheap = steps_per_call(how, 1)
    assert 1 < cheap == steps_per_call(how, 0)
    assert 1 < steps_per_call(how, 10**9) <= min(cheap, 30)
    assert steps_per_call(how, HOURS) == 1
    assert steps_per_call(how, 1, most=7) == 7
    assert steps_per_call(how, 1, most=10**9) == cheap


def test_interpreted_steps_are_fewer():
    assert steps_per_call("xla", 1) > steps_per_call("graph", 1) > steps_per_call("eager", 1)


def test_a_gpu_takes_fewer_small_steps_and_more_large_ones(request):
    small, large = steps_per_call("xla", 1), steps_per_call("xla", 3 * 10**9)
    request.getfixturevalue("on_gpu")
    assert steps_per_call("xla", 1) < small
    assert steps_per_call("xla", 3 * 10**9) == 100 * large
