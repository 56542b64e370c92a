"""One cluster of two workers and one process of four CPUs, which stay up for all cases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.distributed.processes import Processes, cluster


@pytest.fixture(scope="session")
def pair() -> Iterator[Processes]:
    """Two workers under a MultiWorkerMirroredStrategy."""
    with Processes(cluster(2)) as processes:
        yield processes


@pytest.fixture(scope="session")
def many() -> Iterator[Processes]:
    """One process of four logical CPUs, for MirroredStrategy."""
    with Processes([{}], devices=4) as processes:
        yield processes
