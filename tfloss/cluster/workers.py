"""What `--workers` and `--worker` ask for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from tfloss.cluster.description import Cluster
from tfloss.cluster.surroundings import surrounding_cluster
from tfloss.errors import UsageError

_MOST = 256  # processes on one machine


@dataclass(frozen=True)
class LocalWorkers:
    """So many processes on this machine, which are still to be started."""

    count: int


def parse_workers(
    text: str = "auto", worker: int | None = None, environment: Mapping[str, str] = os.environ
) -> Cluster | LocalWorkers | None:
    """The workers of a training; None where this process trains alone.

    Args:
        text: 'auto' (what the surroundings say), a number of processes on this machine, or the
            addresses of all workers, 'host1:2222,host2:2222'.
        worker: which of these addresses is this process's, counted from 0.
        environment: of this process.

    Raises:
        UsageError: what cannot be read, or not be combined.
    """
    listed = ":" in text or "," in text
    if worker is not None and not listed:
        raise UsageError(
            "--worker says which of the addresses of --workers is this process; name them: "
            "--workers host1:2222,host2:2222 --worker 0."
        )
    if text == "auto":
        return surrounding_cluster(environment)
    if listed:
        return _by_address(text, worker)
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= _MOST):
        raise UsageError(
            f"--workers is '{text}'; say auto, a number of processes (1 to {_MOST}), or "
            f"host1:2222,host2:2222."
        )
    if int(text) == 1:
        return None
    around = surrounding_cluster(environment)
    if around is not None:
        raise UsageError(
            f"--workers {text} would start {text} processes, but this one is worker "
            f"{around.index} of {around.count} by {around.source}; leave --workers out."
        )
    return LocalWorkers(int(text))


def _by_address(text: str, worker: int | None) -> Cluster | None:
    addresses = tuple(part.strip() for part in text.split(","))
    if worker is None:
        raise UsageError(
            f"--workers names {len(addresses)} addresses; say with --worker which of them, counted "
            f"from 0, is this process."
        )
    cluster = Cluster(addresses, worker, "--workers")
    return None if cluster.count == 1 else cluster


def refuse_idle_workers(what: str, count: int, workers: int) -> None:
    """Refuse more workers than there is work for.

    Raises:
        UsageError: with how many there can be.
    """
    if workers > count:
        raise UsageError(
            f"{workers} workers would divide {count} {what}, and some would have nothing to do; "
            f"start {count} at most."
        )
