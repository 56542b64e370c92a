"""Workers on this machine: free ports, a log for each; the first failure ends all of them."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tfloss.cluster.description import Cluster
from tfloss.cluster.gpus import VISIBLE, gpu_shares
from tfloss.cluster.worker_process import WorkerProcess
from tfloss.errors import WorkerError

LAUNCHED = "TFLOSS_LAUNCHED"  # names the folder of the logs to the workers
_RUN = "run"  # a file there, in which the chief writes the folder of its run
_REFUSALS = (2, 3, 4, 5)  # exit codes of which the worker itself said the sentence
_INTERRUPTED = tuple(128 + number for number in (signal.SIGINT, signal.SIGTERM))
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_READ, _SHOWN = 50, 5  # lines of a log: that are looked at, and that are shown of one without error

Tell = Callable[[str], None]


@dataclass
class Launch:
    """What is started, and how it may end.

    Attributes:
        command: of every worker; the environment tells them apart.
        count: how many.
        logs: an existing folder; 'worker-0.log' and so on go there.
        restarts: how often all are started again after one was lost.
        resumed: makes of the command and the folder of the run the command that goes on with it.
        advice: of that folder (None: there is none yet) says how far it came, and how to go on.
        tell: called with each sentence for the user.
        environment: of the workers, but for what tells them apart.
        grace: seconds that the others have to end by themselves, and to save; after an
            interruption the second.
    """

    command: Sequence[str]
    count: int
    logs: Path
    restarts: int = 0
    resumed: Callable[[Sequence[str], str], Sequence[str]] = lambda command, run: command
    advice: Callable[[str | None], str] = lambda run: ""
    tell: Tell = print
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    grace: tuple[float, float] = (5.0, 60.0)

    def run(self) -> int:
        """Start all workers and wait for them; the exit code.

        Returns:
            0: all did their work; 2 to 5: one refused, and said why; 130 or 143: interrupted.

        Raises:
            WorkerError: one was lost, more often than was to be restarted.
        """
        command, left = self.command, self.restarts
        while True:
            group = _Group(self, command)
            with _forwarding(group):
                first = group.wait()
            if first is None:
                return 0
            code = first.code or 0
            if code in _REFUSALS or code in _INTERRUPTED:
                self._show(first, group.workers[0])
                return code
            if group.signalled is not None:  # before the worker could handle it
                return 128 + group.signalled
            lost = f"Worker {first.index} ({group.addresses[first.index]}) {first.fate}"
            if left == 0:
                self._show(first, group.workers[0])
                raise WorkerError(f"{lost}; its log is {first.log}. {self.advice(self.run_folder)}")
            self.tell(f"{lost}; restart {self.restarts - left + 1} of {self.restarts}.")
            left -= 1
            if self.run_folder is not None:
                command = self.resumed(self.command, self.run_folder)

    @property
    def run_folder(self) -> str | None:
        """The folder of the run, once the chief has made it."""
        with contextlib.suppress(OSError):
            return (self.logs / _RUN).read_text(encoding="utf-8").strip() or None
        return None

    def _show(self, worker: WorkerProcess, chief: WorkerProcess) -> None:
        """The end of a log, as far as the user has not read the same of the chief."""
        if worker is chief:
            return
        known = set(chief.last_lines(_READ))
        lines = [line for line in worker.last_lines(_READ) if line not in known]
        said = [number for number, line in enumerate(lines) if line.startswith("Error: ")]
        for line in lines[said[0] :] if said else lines[-_SHOWN:]:
            self.tell(f"worker {worker.index}: {line}")


class _Group:
    """The workers of one start."""

    def __init__(self, launch: Launch, command: Sequence[str]) -> None:
        self._launch = launch
        self._ends: queue.Queue[int] = queue.Queue()
        self.signalled: int | None = None
        shares = gpu_shares(launch.count, launch.environment)
        self.addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(launch.count))
        self.workers: list[WorkerProcess] = []
        try:
            for index in range(launch.count):
                self.workers.append(self._started(command, index, shares[index]))
        except BaseException:
            self.end(0.0)
            raise

    def _started(self, command: Sequence[str], index: int, gpus: str | None) -> WorkerProcess:
        launch = self._launch
        cluster = Cluster(self.addresses, index, "tfloss launch")
        own = {"TF_CONFIG": cluster.as_tf_config(), LAUNCHED: str(launch.logs)}
        own |= {"PYTHONUNBUFFERED": "1"} | threads_of_each(launch.count, launch.environment)
        if gpus is not None:
            own[VISIBLE] = gpus
        return WorkerProcess(
            command,
            index,
            launch.logs / f"worker-{index}.log",
            {**launch.environment, **own},
            shown=cluster.is_chief,
            ended=self._ends.put,
        )

    def wait(self) -> WorkerProcess | None:
        """Wait until all have ended well, or for the first that failed, and end the others."""
        grace, saving = self._launch.grace
        deadline: float | None = None
        running = len(self.workers)
        while running:
            wait = None if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                worker = self.workers[self._ends.get(timeout=wait)]
            except queue.Empty:
                self._launch.tell(
                    "The chief is finished, and other workers are not; they are ended."
                )
                self.end(grace)
                return None
            running -= 1
            if worker.code != 0:
                self.end(saving if worker.code in _INTERRUPTED else grace)
                return self._culprit(worker)
            if worker.index == 0:
                deadline = time.monotonic() + saving
        return None

    def _culprit(self, first: WorkerProcess) -> WorkerProcess:
        """One that lost another is not the one that was lost."""
        if first.code != WorkerError.exit_code:
            return first
        ended_by_us = (-signal.SIGTERM, -signal.SIGKILL)
        for worker in self.workers:
            code = worker.code or 0
            if code in _REFUSALS or (code < 0 and code not in ended_by_us):
                return worker
        return first

    def end(self, seconds: float) -> None:
        """Ask all to end, and kill those that still run after so many seconds."""
        self.signal(signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while self._running():
            try:
                self._ends.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
        for worker in self._running():
            worker.kill()
        while self._running():
            self._ends.get(timeout=30.0)

    def signal(self, number: int) -> None:
        """Send a signal to all that still run."""
        for worker in self._running():
            worker.send(number)

    def _running(self) -> list[WorkerProcess]:
        return [worker for worker in self.workers if worker.code is None]


@contextlib.contextmanager
def _forwarding(group: _Group) -> Iterator[None]:
    """Meanwhile Ctrl-C and SIGTERM go to all workers, which save and end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def forward(number: int, _: object) -> None:
        group.signalled = number
        group.signal(number)

    before = {
        number: signal.signal(number, forward)
        for number in _SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def free_ports(count: int) -> list[int]:
    """So many ports of this machine at which nobody listens."""
    with contextlib.ExitStack() as opened:
        sockets = [opened.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def threads_of_each(count: int, environment: Mapping[str, str]) -> dict[str, str]:
    """Variables that share the processor among `count` workers; what the user set stays."""
    each = max(1, len(os.sched_getaffinity(0)) // count)
    names = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS")
    return {name: str(each) for name in names if name not in environment}


def tell_run_folder(folder: Path, environment: Mapping[str, str] = os.environ) -> None:
    """Let the process that started this one know the run's folder, to go on with it."""
    logs = environment.get(LAUNCHED)
    if logs:
        with contextlib.suppress(OSError):
            (Path(logs) / _RUN).write_text(f"{folder}\n", encoding="utf-8")
