"""The strategy of `tf.distribute` that a command line asks for."""

from __future__ import annotations

import os
import socket
import time
from typing import Any

from tfloss.cluster.description import Cluster
from tfloss.cluster.devices import Devices, configure_devices
from tfloss.errors import UsageError, WorkerError, first_line
from tfloss.lazy import tf

CONNECT_VARIABLE = "TFLOSS_CONNECT_SECONDS"
_CONNECT_SECONDS = 600.0  # for which a worker waits for the others; machines start one by one
_AGAIN_SECONDS = 0.2  # between two looks at who is there
_HEARTBEAT_SECONDS = 20.0  # after which one that is not heard of is taken for dead


def refuse_devices(cluster: Cluster | None, devices: Devices | None) -> None:
    """Refuse what cannot be combined, before TensorFlow is imported.

    Raises:
        UsageError: parts of the processor for one of several workers, whose devices TensorFlow
            chooses itself.
    """
    if cluster is None or devices is None:
        return
    if devices.kind == "CPU" and devices.count != 1:
        raise UsageError(
            f"--devices {devices.text} divides the processor of one process, and this is one "
            f"of {cluster.count} workers; start more workers instead, or leave it out."
        )


def connect_seconds() -> float:
    """How long a worker waits for the others to start.

    Raises:
        UsageError: the environment has something else than a number of seconds.
    """
    text = os.environ.get(CONNECT_VARIABLE, "")
    try:
        seconds = float(text) if text else _CONNECT_SECONDS
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 86_400:
        raise UsageError(f"{CONNECT_VARIABLE} is '{text}'; write seconds, from 1 to 86400.")
    return seconds


def refuse_taken_port(cluster: Cluster) -> None:
    """Refuse an address of this process at which another one listens.

    Raises:
        UsageError: with the port.
    """
    port = int(cluster.addresses[cluster.index].rpartition(":")[2])
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("", port))
        except OSError as error:
            raise UsageError(
                f"Worker {cluster.index} cannot listen at port {port} of this machine "
                f"({error.strerror}); choose another, or end what listens there."
            ) from error


def make_strategy(cluster: Cluster | None, devices: Devices | None) -> Any:
    """The strategy for these workers and devices; None where one device is all there is.

    To be called before TensorFlow has used a device. With several workers it waits for all of them.

    Args:
        cluster: the processes of the training; None: this alone.
        devices: of this process; None: those that TensorFlow chooses.

    Raises:
        UsageError: devices that there are not.
        WorkerError: the others did not come in time.
    """
    names = [] if devices is None else configure_devices(devices)
    if cluster is not None:
        return _multi_worker(cluster)
    return tf.distribute.MirroredStrategy(names) if len(names) > 1 else None


def wait_for_the_others(cluster: Cluster, seconds: float) -> None:
    """Wait until every other worker listens at its address.

    TensorFlow's own wait at the chief has no limit, and holds Python, so that no signal is heard.

    Raises:
        WorkerError: with those that did not come.
    """
    missing = [n for n in range(cluster.count) if n != cluster.index]
    deadline = time.monotonic() + seconds
    while missing := [n for n in missing if not _listens(cluster.addresses[n])]:
        if time.monotonic() > deadline:
            named = ", ".join(f"{number} ({cluster.addresses[number]})" for number in missing)
            raise WorkerError(
                f"Of the {cluster.count} workers of {cluster.source} these did not start within "
                f"{seconds:.0f} s: {named}; see whether each was started, and can be reached."
            )
        time.sleep(_AGAIN_SECONDS)


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=2.0):
            return True
    except OSError:  # a name that is not known yet as well
        return False


def _multi_worker(cluster: Cluster) -> Any:
    from tensorflow.python.eager import context  # the only way to say how long to wait

    seconds = connect_seconds()
    if cluster.is_chief:
        wait_for_the_others(cluster, seconds)
    jobs = [_coordinated(cluster)]
    context.context().configure_coordination_service(
        service_type="standalone",
        service_leader="/job:worker/replica:0/task:0",
        cluster_register_timeout_in_ms=int(seconds * 1000),
        heartbeat_timeout_in_ms=int(_HEARTBEAT_SECONDS * 1000),
        coordinated_jobs=jobs,
    )
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(cluster.addresses)}),
        task_type="worker",
        task_id=cluster.index,
        rpc_layer="grpc",
    )
    try:
        return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
    except (tf.errors.OpError, RuntimeError) as error:
        raise WorkerError(
            f"Worker {cluster.index} ({cluster.addresses[cluster.index]}) did not find all of the "
            f"{cluster.count} workers of {cluster.source} within {seconds:.0f} s; see whether each "
            f"was started, and reaches the others: {first_line(error)[:200]}"
        ) from error


def _coordinated(cluster: Cluster) -> Any:
    from tensorflow.compiler.xla.tsl.protobuf import coordination_config_pb2

    return coordination_config_pb2.CoordinatedJob(name="worker", num_tasks=cluster.count)
