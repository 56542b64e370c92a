"""Two workers that talk with each other by TensorFlow's coordination service, and one that dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tfloss.cluster.description import Cluster
from tfloss.cluster.launch import free_ports

ROOT = Path(__file__).parent.parent.parent
LIMIT = 120.0  # seconds of any wait


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two processes, and the folder in which they write; afterwards they are gone."""
    folder = tmp_path_factory.mktemp("pair")
    addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(2))
    started = []
    for index in range(2):
        own = {"TF_CONFIG": Cluster(addresses, index, "test").as_tf_config()}
        environment = {**os.environ, **own, "TF_CPP_MIN_LOG_LEVEL": "3"}
        with (folder / f"log-{index}").open("wb") as log:
            command = [sys.executable, "-m", "tests.cluster.pair", str(folder)]
            pipes = {"stdin": subprocess.PIPE, "stdout": log, "stderr": log}
            started.append(subprocess.Popen(command, cwd=ROOT, env=environment, **pipes))
    yield started, folder
    for process in started:
        process.kill()
        process.wait(LIMIT)


@pytest.fixture(scope="module")
def steps(pair):
    """What came of the steps at each worker."""
    started, folder = pair
    end = time.monotonic() + LIMIT
    while not all((folder / f"pid-{index}").exists() for index in range(2)):
        logs = [(folder / f"log-{index}").read_text() for index in range(2)]
        assert all(process.poll() is None for process in started), "\n".join(logs)
        assert time.monotonic() < end, "\n".join(logs)
        time.sleep(0.05)
    return [json.loads((folder / f"steps-{index}.json").read_text()) for index in range(2)]


def test_both_know_the_addresses(steps):
    assert [one["addresses"] for one in steps] == [True, True]


def test_texts_are_exchanged(steps):
    assert [one["exchange"] for one in steps] == [["I am 0", "I am 1"]] * 2


def test_the_chief_makes_what_the_others_read(steps):
    """More than a message of the service may hold."""
    assert [one["once"] for one in steps] == [[7.0 * 300_000, 300_000, [0]]] * 2


def test_what_the_chief_raises_is_raised_by_all(steps):
    assert [one["refused once"] for one in steps] == ["DataError: The chief has no data."] * 2


def test_workers_that_train_the_same_pass(steps):
    assert [one["same"] for one in steps] == ["", ""]


def test_workers_that_train_different_things_are_all_refused(steps):
    for one in steps:
        assert one["other"].startswith("UsageError: The workers are to train different things")
        assert "rows: 3 at worker 0 (127.0.0.1:" in one["other"]
        assert "4 at worker 1 (127.0.0.1:" in one["other"]


def test_the_chief_gathers(steps):
    assert [one["gathered"] for one in steps] == [[[[0, 1], 0], [[0, 1, 2], 1]], []]


def test_a_signal_to_one_is_known_to_all(steps):
    assert [one["no signal"] for one in steps] == [[None, False]] * 2
    assert [one["signal at 1"] for one in steps] == [[signal.SIGTERM, False]] * 2


def test_the_chief_decides_when_to_save(steps):
    assert [one["due at the chief"] for one in steps] == [[None, True]] * 2
    assert [one["due elsewhere"] for one in steps] == [[None, False]] * 2


def test_a_killed_worker_ends_the_other(pair, steps):
    """The last of these: nobody is left afterwards."""
    started, folder = pair
    killed_at = time.monotonic()
    started[1].kill()
    assert started[0].wait(LIMIT) == 6
    assert time.monotonic() - killed_at < 60
    log = (folder / "log-0").read_text()
    assert "Error: Worker 1 (127.0.0.1:" in log
    assert "does not answer any more. The last step was 3." in log
