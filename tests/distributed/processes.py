"""Workers that are asked the same and answer each: a cluster on loopback, or one with many CPUs."""

from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from tests.distributed.worker import ANSWER

ROOT = Path(__file__).parents[2]
_START = 180.0  # seconds that importing TensorFlow may take on a busy machine
_CASE = 150.0  # seconds for what takes three on an idle machine


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody uses."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def cluster(workers: int) -> list[dict[str, str]]:
    """The TF_CONFIG of each worker of a cluster on loopback."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(workers)]
    return [
        {
            "TF_CONFIG": json.dumps(
                {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": number}}
            )
        }
        for number in range(workers)
    ]


class Processes:
    """Processes of `tests.distributed.worker`, asked at the same time.

    Args:
        environments: what each has in its environment besides ours.
        devices: logical CPUs of each; 0: they are a cluster.
    """

    def __init__(self, environments: list[dict[str, str]], devices: int = 0) -> None:
        self._all = [_Process(more, devices) for more in environments]
        self._ready = False

    def ask(
        self, case: str, *, replicas: int | None = None, limit: float = _CASE, **given: Any
    ) -> list[Any]:
        """What each process answers; an error in one of them is raised with its traceback.

        Args:
            case: 'module:function'.
            replicas: how many devices the strategy mirrors; None: the cluster's, or none.
            limit: seconds for all of them together.
            **given: what the function gets behind the strategy.
        """
        if not self._ready:
            for process in self._all:
                process.answer(_START)
            self._ready = True
        for process in self._all:
            process.send({"case": case, "replicas": replicas, "with": given})
        answers = [process.answer(limit) for process in self._all]
        for answer in answers:
            if "error" in answer:
                raise AssertionError(f"{answer['error']}\n{answer['trace']}")
        return [answer["result"] for answer in answers]

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._all:
            process.end()


class _Process:
    def __init__(self, more: dict[str, str], devices: int) -> None:
        own = {k: v for k, v in os.environ.items() if k != "TF_CONFIG"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.distributed.worker", str(devices)],
            cwd=ROOT,
            env={**own, "TF_CPP_MIN_LOG_LEVEL": "2", **more},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._told: list[str] = []
        assert self._process.stdout is not None
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            if line.startswith(ANSWER):
                self._lines.put(line.removeprefix(ANSWER))
            else:
                self._told.append(line)
        self._lines.put(None)

    def send(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def answer(self, limit: float) -> Any:
        try:
            line = self._lines.get(timeout=limit)
        except queue.Empty:
            line = None
        if line is None:
            self.end()
            raise AssertionError(f"no answer within {limit} s: {''.join(self._told)[-3000:]}")
        return json.loads(line)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
