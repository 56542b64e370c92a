"""The chief waits for the others for a limited time, and names those that did not come."""

from __future__ import annotations

import socket
import threading

import pytest

from tfloss.cluster.description import Cluster
from tfloss.cluster.devices import Devices
from tfloss.cluster.launch import free_ports
from tfloss.cluster.strategy import refuse_devices, wait_for_the_others
from tfloss.errors import UsageError, WorkerError


def cluster(*ports: int) -> Cluster:
    return Cluster(tuple(f"127.0.0.1:{port}" for port in ports), 0, "test")


def test_those_that_did_not_start_are_named():
    own, missing = free_ports(2)
    with socket.socket() as there:
        there.bind(("127.0.0.1", 0))
        there.listen()
        workers = cluster(own, there.getsockname()[1], missing)
        with pytest.raises(WorkerError) as refused:
            wait_for_the_others(workers, 0.0)
    assert f"2 (127.0.0.1:{missing})" in str(refused.value)
    assert "1 (127" not in str(refused.value)
    assert refused.value.exit_code == 6


def test_one_that_starts_later_is_waited_for():
    own, late = free_ports(2)
    with socket.socket() as there:
        there.bind(("127.0.0.1", late))
        waiting = threading.Thread(target=wait_for_the_others, args=(cluster(own, late), 60.0))
        waiting.start()
        there.listen()
        waiting.join(60.0)
        assert not waiting.is_alive()


def test_parts_of_a_processor_are_not_for_one_of_several_workers():
    with pytest.raises(UsageError, match="start more workers instead"):
        refuse_devices(cluster(*free_ports(2)), Devices("CPU", 2))
    refuse_devices(cluster(*free_ports(2)), Devices("CPU", 1))
    refuse_devices(None, Devices("CPU", 2))
