"""The machines of a SageMaker training job, by the variables that its containers have."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tfloss.cluster.description import Cluster
from tfloss.errors import UsageError

_HOSTS, _HOST = "SM_HOSTS", "SM_CURRENT_HOST"
_PORT = 2223  # as TensorFlow's SageMakerClusterResolver


def sagemaker_cluster(environment: Mapping[str, str]) -> Cluster | None:
    """The cluster of a job of several machines; None outside of one.

    Raises:
        UsageError: variables that cannot be read.
    """
    text, own = environment.get(_HOSTS), environment.get(_HOST)
    if not text or not own:
        return None
    try:
        hosts = json.loads(text)
    except (ValueError, RecursionError):
        hosts = None
    if not isinstance(hosts, list) or not all(isinstance(host, str) for host in hosts):
        raise UsageError(f"{_HOSTS} is '{text[:80]}', which is not a list of hosts in JSON.")
    if own not in hosts:
        raise UsageError(f"{_HOST} is '{own}', which {_HOSTS} does not list.")
    if len(hosts) < 2:
        return None
    hosts = sorted(hosts)
    addresses = tuple(f"{host}:{_PORT}" for host in hosts)
    return Cluster(addresses, hosts.index(own), "SageMaker")
