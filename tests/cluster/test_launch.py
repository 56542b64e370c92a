"""Workers on this machine, by small programs that import no TensorFlow."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from tfloss.cluster.launch import Launch, free_ports, threads_of_each
from tfloss.errors import WorkerError

LIMIT = 60.0  # seconds, of any wait

HEAD = """
import json, os, pathlib, signal, socket, sys, time
config = json.loads(os.environ["TF_CONFIG"])
index = config["task"]["index"]
here = pathlib.Path(os.environ["TFLOSS_LAUNCHED"])

def wait_for(*names):
    end = time.monotonic() + 60
    while not all((here / name).exists() for name in names):
        if time.monotonic() > end:
            sys.exit("waited in vain")
        time.sleep(0.01)
"""


def launch(program: str, folder: Path, count: int = 2, **more) -> tuple[Launch, list[str]]:
    """A launch of a program, and the sentences that it tells."""
    told: list[str] = []
    command = [sys.executable, "-c", HEAD + textwrap.dedent(program)]
    more = {"grace": (20.0, 20.0), "tell": told.append, **more}
    return Launch(command, count, folder, **more), told


def test_each_worker_has_its_port_its_place_and_its_log(tmp_path, capfd):
    made, _ = launch(
        """
        print("worker", index, "of", config["cluster"]["worker"])
        print("aside", file=sys.stderr)
        address = config["cluster"]["worker"][index]
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", int(address.rpartition(":")[2])))
        """,
        tmp_path,
        3,
    )
    assert made.run() == 0
    logs = [(tmp_path / f"worker-{index}.log").read_text() for index in range(3)]
    for index, log in enumerate(logs):
        assert f"worker {index} of" in log
        assert "aside" in log
    addresses = {log.partition(" of ")[2].partition("\n")[0] for log in logs if "worker" in log}
    assert len(addresses) == 1  # all were told the same
    shown = capfd.readouterr()
    assert "worker 0 of" in shown.out
    assert "worker 1 of" not in shown.out
    assert shown.err == "aside\n"


def test_the_first_failure_ends_the_others(tmp_path):
    made, told = launch(
        """
        if index == 1:
            wait_for("up")
            print("I shall not", file=sys.stderr)
            os.kill(os.getpid(), signal.SIGKILL)
        (here / "up").touch()
        wait_for("never")
        """,
        tmp_path,
        advice=lambda run: "Go on with: this.",
    )
    with pytest.raises(WorkerError, match=r"Worker 1 \(127.0.0.1:\d+\) was killed by SIGKILL") as e:
        made.run()
    assert str(tmp_path / "worker-1.log") in str(e.value)
    assert str(e.value).endswith("Go on with: this.")
    assert told == ["worker 1: I shall not"]


@pytest.mark.parametrize("code", [2, 3, 4, 5, 130, 143])
def test_a_refusal_keeps_its_exit_code(code, tmp_path):
    program = f"""
    if index:
        print("Error: because")
        sys.exit({code})
    wait_for("never")
    """
    made, told = launch(program, tmp_path)
    assert made.run() == code
    assert told == ["worker 1: Error: because"]


def test_one_that_does_not_end_is_killed(tmp_path):
    made, _ = launch(
        """
        if index:
            wait_for("deaf")
            sys.exit(1)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        (here / "deaf").touch()
        while True:
            time.sleep(60)
        """,
        tmp_path,
        grace=(0.2, 0.2),
    )
    with pytest.raises(WorkerError, match=r"Worker 1 .* ended with exit code 1"):
        made.run()


def test_the_worker_that_lost_another_is_not_the_lost_one(tmp_path):
    """A segmentation fault somewhere, and exit code 6 at the one that noticed first."""
    made, _ = launch(
        """
        if index == 0:
            wait_for("up")
            sys.exit(6)
        def crash(*_):
            signal.signal(signal.SIGSEGV, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGSEGV)
        signal.signal(signal.SIGTERM, crash)
        (here / "up").touch()
        wait_for("never")
        """,
        tmp_path,
    )
    with pytest.raises(WorkerError, match=r"Worker 1 .* was killed by SIGSEGV"):
        made.run()


def test_a_restart_goes_on_with_the_run(tmp_path):
    made, told = launch(
        """
        if sys.argv[1:]:
            print("going on with", sys.argv[1])
            sys.exit(0)
        if index == 0:
            (here / "run").write_text("runs/x-1")
            (here / "begun").touch()
            wait_for("never")
        wait_for("begun")
        sys.exit(1)
        """,
        tmp_path,
        restarts=1,
        resumed=lambda command, run: [*command, run],
    )
    assert made.run() == 0
    assert len(told) == 1
    assert told[0].startswith("Worker 1 (127.0.0.1:")
    assert told[0].endswith("ended with exit code 1; restart 1 of 1.")
    for index in range(2):
        assert "going on with runs/x-1" in (tmp_path / f"worker-{index}.log").read_text()


def test_restarts_have_an_end(tmp_path):
    made, told = launch("sys.exit(1)", tmp_path, restarts=2)
    with pytest.raises(WorkerError, match="ended with exit code 1"):
        made.run()
    restarts = [sentence for sentence in told if "restart" in sentence]
    assert [sentence[-7:] for sentence in restarts] == ["1 of 2.", "2 of 2."]


def test_what_was_refused_is_not_started_again(tmp_path):
    made, _ = launch("(here / f'{index}-{os.getpid()}').touch(); sys.exit(2)", tmp_path, restarts=3)
    assert made.run() == 2
    assert len(list(tmp_path.glob("1-*"))) <= 1


SIGNALLED = """
def noted(number, _):
    (here / f"noted-{index}").touch()
    sys.exit(128 + number)
signal.signal(signal.SIGTERM, noted)
signal.signal(signal.SIGINT, noted)
(here / f"up-{index}").touch()
wait_for("never")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_reaches_all_workers_once(number, tmp_path):
    """As in a terminal, or by a scheduler: to the process that started them."""
    program = (
        "import sys, pathlib\n"
        "from tfloss.cluster.launch import Launch\n"
        f"command = [sys.executable, '-c', {HEAD + SIGNALLED!r}]\n"
        f"sys.exit(Launch(command, 2, pathlib.Path({str(tmp_path)!r})).run())\n"
    )
    started = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: all((tmp_path / f"up-{n}").exists() for n in range(2)))
        started.send_signal(number)
        assert started.wait(LIMIT) == 128 + number
    finally:
        started.kill()
    assert all((tmp_path / f"noted-{n}").exists() for n in range(2))


def wait_until(condition) -> None:
    stop = threading.Event()
    for _ in range(int(LIMIT / 0.01)):
        if condition():
            return
        stop.wait(0.01)
    raise AssertionError("waited in vain")


def test_ports_are_different_and_free():
    ports = free_ports(20)
    assert len(set(ports)) == 20


def test_the_processor_is_shared():
    mine = len(os.sched_getaffinity(0))
    each = {
        "TF_NUM_INTRAOP_THREADS": str(max(1, mine // 2)),
        "OMP_NUM_THREADS": str(max(1, mine // 2)),
    }
    assert threads_of_each(2, {}) == each
    assert "OMP_NUM_THREADS" not in threads_of_each(2, {"OMP_NUM_THREADS": "7"})


def test_what_the_chief_said_too_is_said_once(tmp_path, capfd):
    """As where all workers find the same number that is not finite."""
    made, told = launch(
        """
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if index:
            wait_for("said")
        print("Error: At step 7.", file=sys.stderr)
        (here / "said").touch()
        if index == 0:
            wait_for("gone")
        (here / "gone").touch()
        sys.exit(3)
        """,
        tmp_path,
    )
    assert made.run() == 3
    assert told == []
    assert capfd.readouterr().err == "Error: At step 7.\n"
