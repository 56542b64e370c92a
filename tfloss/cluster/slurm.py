"""The processes of a SLURM step, by the variables that `srun` gives to each of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product

from tfloss.cluster.description import Cluster
from tfloss.errors import UsageError

_NEEDED = ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_STEP_NODELIST")
_TASKS, _JOB = "SLURM_STEP_TASKS_PER_NODE", "SLURM_JOB_ID"
_PORT, _PORTS = 20_000, 10_000  # the first port, and how many jobs have ports of their own
_MOST = 65_536  # hosts of a list
_GROUP = re.compile(r"\[([0-9,-]+)\]")
_REPEATED = re.compile(r"(\d+)(?:\(x(\d+)\))?")


def slurm_cluster(environment: Mapping[str, str]) -> Cluster | None:
    """The cluster of a step of several tasks; None outside of one.

    The ports follow from the job's number, so that two jobs on one node do not meet.

    Raises:
        UsageError: variables that cannot be read, or tasks that are not in the order of the nodes.
    """
    if not all(environment.get(name) for name in _NEEDED):
        return None
    rank, count = (_number(environment, name) for name in _NEEDED[:2])
    if count < 2:
        return None
    hosts = hosts_of(environment["SLURM_STEP_NODELIST"])
    tasks = _tasks_per_node(environment.get(_TASKS) or _even(count, len(hosts)))
    if len(tasks) != len(hosts) or sum(tasks) != count:
        raise UsageError(
            f"SLURM's variables disagree: {count} tasks, {len(hosts)} nodes, and {_TASKS} is "
            f"'{environment.get(_TASKS, '')}'; start the tasks with srun."
        )
    first = _PORT + _number(environment, _JOB, 0) % _PORTS
    places = [(host, local) for host, n in zip(hosts, tasks, strict=True) for local in range(n)]
    _refuse_other_order(environment, places, rank)
    return Cluster(tuple(f"{host}:{first + local}" for host, local in places), rank, "SLURM")


def _refuse_other_order(
    environment: Mapping[str, str], places: list[tuple[str, int]], rank: int
) -> None:
    """Tasks that srun dealt out like cards are on other nodes than the variables let one think."""
    node, local = environment.get("SLURMD_NODENAME"), environment.get("SLURM_LOCALID")
    if not 0 <= rank < len(places) or node is None or local is None:
        return
    if places[rank] != (node, _number(environment, "SLURM_LOCALID")):
        raise UsageError(
            f"Task {rank} runs on {node} and not where the order of the nodes puts it; start the "
            f"tasks with srun --distribution=block."
        )


def _number(environment: Mapping[str, str], name: str, default: int | None = None) -> int:
    text = environment.get(name)
    if text is None and default is not None:
        return default
    if text is None or not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise UsageError(f"{name} is '{text}', which is not a whole number; srun sets it.")
    return int(text)


def _even(count: int, nodes: int) -> str:
    return str(count // nodes) + (f"(x{nodes})" if nodes > 1 else "")


def _tasks_per_node(text: str) -> list[int]:
    """Of '2(x3),1': 2, 2, 2, 1."""
    tasks: list[int] = []
    for part in text.split(","):
        match = _REPEATED.fullmatch(part.strip())
        if match is None or len(match[0]) > 16 or int(match[2] or 1) > _MOST:
            raise UsageError(f"{_TASKS} is '{text}', which cannot be read; srun writes '2(x3),1'.")
        tasks += [int(match[1])] * int(match[2] or 1)
    return tasks


def hosts_of(text: str) -> list[str]:
    """The hosts of a list as SLURM writes it: 'node[01-03,7],login' is node01, node02, ….

    Raises:
        UsageError: it cannot be read.
    """
    hosts: list[str] = []
    for part in _parts(text):
        pieces = _GROUP.split(part)  # text, numbers, text, numbers, …, text
        if any("[" in piece or "]" in piece for piece in pieces) or not part:
            raise _unreadable(text)
        choices = [
            [piece] if place % 2 == 0 else list(_numbers(piece, text))
            for place, piece in enumerate(pieces)
        ]
        for number, chosen in enumerate(product(*choices)):
            if number >= _MOST:
                raise _unreadable(text)
            hosts.append("".join(chosen))
    return hosts


def _parts(text: str) -> list[str]:
    """Separated at commas outside of brackets."""
    return re.split(r",(?![^\[\]]*\])", text)


def _numbers(ranges: str, text: str) -> Iterator[str]:
    """Of '01-03,7': 01, 02, 03, 7."""
    for one in ranges.split(","):
        low, dash, high = one.partition("-")
        if not low.isdecimal() or (dash and not high.isdecimal()) or len(one) > 30:
            raise _unreadable(text)
        last = int(high) if dash else int(low)
        if last < int(low) or last - int(low) > _MOST:
            raise _unreadable(text)
        for number in range(int(low), last + 1):
            yield f"{number:0{len(low)}d}"


def _unreadable(text: str) -> UsageError:
    return UsageError(
        f"SLURM_STEP_NODELIST is '{text[:80]}', which cannot be read; srun writes node[01-03]."
    )
