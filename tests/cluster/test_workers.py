"""What `--workers`, `--worker` and `--devices` may say."""

from __future__ import annotations

import pytest

from tfloss.cluster.description import Cluster
from tfloss.cluster.devices import Devices, parse_devices
from tfloss.cluster.gpus import gpu_shares
from tfloss.cluster.workers import LocalWorkers, parse_workers
from tfloss.errors import UsageError

AROUND = {"TF_CONFIG": Cluster(("a:1", "b:1"), 1, "TF_CONFIG").as_tf_config()}


@pytest.mark.parametrize(
    ("text", "worker", "environment", "found"),
    [
        ("auto", None, {}, None),
        ("auto", None, AROUND, Cluster(("a:1", "b:1"), 1, "TF_CONFIG")),
        ("1", None, {}, None),
        ("1", None, AROUND, None),
        ("4", None, {}, LocalWorkers(4)),
        ("h1:22,h2:22", 1, {}, Cluster(("h1:22", "h2:22"), 1, "--workers")),
        ("h1:22, h2:22", 0, AROUND, Cluster(("h1:22", "h2:22"), 0, "--workers")),
        ("h1:22", 0, {}, None),
    ],
)
def test_what_can_be_said(text, worker, environment, found):
    assert parse_workers(text, worker, environment) == found


@pytest.mark.parametrize(
    ("text", "worker", "environment", "words"),
    [
        ("four", None, {}, "say auto, a number of processes"),
        ("0", None, {}, "1 to 256"),
        ("257", None, {}, "1 to 256"),
        ("²", None, {}, "a number of processes"),
        ("4", 0, {}, "name them"),
        ("auto", 1, {}, "name them"),
        ("h1:22,h2:22", None, {}, "--worker"),
        ("h1:22,h2:22", 2, {}, "counted from 0 to 1"),
        ("h1,h2", 0, {}, "write host:port"),
        ("h1:22,h1:22", 0, {}, "two workers the address 'h1:22'"),
        ("h1:22,", 0, {}, "write host:port"),
        ("4", None, AROUND, "worker 1 of 2 by TF_CONFIG; leave --workers out"),
        ("auto", None, {"TF_CONFIG": "{"}, "TF_CONFIG is not JSON"),
    ],
)
def test_what_cannot(text, worker, environment, words):
    with pytest.raises(UsageError, match=words):
        parse_workers(text, worker, environment)


@pytest.mark.parametrize(
    ("text", "devices"),
    [
        ("auto", Devices("GPU")),
        ("2", Devices("GPU", 2)),
        ("gpu:2", Devices("GPU", 2)),
        ("cpu:2", Devices("CPU", 2)),
        ("cpu", Devices("CPU", 1)),
    ],
)
def test_devices(text, devices):
    assert parse_devices(text) == devices
    assert parse_devices(devices.text) == devices


@pytest.mark.parametrize("text", ["", "0", "cpu:0", "cpu:", "tpu:2", "-1", "cpu:x", "two", "1000"])
def test_devices_that_cannot_be(text):
    with pytest.raises(UsageError, match="say auto"):
        parse_devices(text)


@pytest.mark.parametrize(
    ("visible", "shares"),
    [
        ("0,1,2,3", ["0,1", "2,3"]),
        ("5, 7 ,9", ["5", "7"]),
        ("-1", [None, None]),
        ("", [None, None]),
        (None, [None, None]),
    ],
)
def test_gpus_are_dealt_out(visible, shares, tmp_path):
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert gpu_shares(2, environment, tmp_path) == shares


def test_gpus_of_the_driver_are_counted(tmp_path):
    for name in ("0000:1a:00.0", "0000:1b:00.0"):
        (tmp_path / name).mkdir()
    assert gpu_shares(2, {}, tmp_path) == ["0", "1"]


def test_two_workers_do_not_share_a_gpu():
    with pytest.raises(UsageError, match="need a GPU each, and there are 1"):
        gpu_shares(2, {"CUDA_VISIBLE_DEVICES": "0"})
