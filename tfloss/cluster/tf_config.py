"""The environment variable TF_CONFIG, as TensorFlow, Kubeflow and SageMaker write it."""

from __future__ import annotations

import json
from typing import Any

from tfloss.cluster.description import Cluster
from tfloss.errors import UsageError

_JOBS = ("chief", "master", "worker")  # the first of these jobs is the chief
_SHAPE = '{"cluster": {"worker": ["host1:2222", …]}, "task": {"type": "worker", "index": 0}}'


def read_tf_config(text: str) -> Cluster | None:
    """The cluster that a TF_CONFIG describes; None where it describes none.

    Raises:
        UsageError: what cannot be read, or describes processes that tfloss has no use for.
    """
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"TF_CONFIG is not JSON ({error}); write {_SHAPE}.") from None
    if not isinstance(config, dict):
        raise _refusal("is not an object")
    cluster = config.get("cluster") or {}
    if not isinstance(cluster, dict):
        raise _refusal("has a 'cluster' that is not an object")
    if not cluster:
        return None
    _refuse_other_jobs(cluster)
    jobs = {job: _addresses(job, cluster[job]) for job in _JOBS if job in cluster}
    kind, index = _task(config, jobs)
    before = list(jobs)[: list(jobs).index(kind)]
    place = sum(len(jobs[job]) for job in before) + index
    return Cluster(tuple(a for job in jobs.values() for a in job), place, "TF_CONFIG")


def _refusal(what: str) -> UsageError:
    return UsageError(f"TF_CONFIG {what}; write {_SHAPE}.")


def _refuse_other_jobs(cluster: dict[str, Any]) -> None:
    other = [job for job in cluster if job not in _JOBS]
    if other:
        raise UsageError(
            f"TF_CONFIG names the job '{other[0]}', for which tfloss has no use; leave workers, "
            f"and a chief if you like."
        )
    if "chief" in cluster and "master" in cluster:
        raise UsageError("TF_CONFIG names a 'chief' and a 'master', which are the same; leave one.")


def _addresses(job: str, listed: Any) -> list[str]:
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise _refusal(f"has a job '{job}' that is not a list of addresses")
    if not listed:
        raise _refusal(f"has a job '{job}' without an address")
    return listed


def _task(config: dict[str, Any], jobs: dict[str, list[str]]) -> tuple[str, int]:
    """The job, and the place in it, of this process."""
    task = config.get("task")
    if not isinstance(task, dict) or "type" not in task:
        raise _refusal("does not say which worker this process is ('task')")
    kind, index = task["type"], task.get("index", 0)
    if isinstance(index, str) and index.isascii() and index.isdecimal():
        index = int(index)  # as some schedulers write it
    if kind not in jobs:
        raise UsageError(
            f"TF_CONFIG says that this process is of the job {json.dumps(kind)}, which its cluster "
            f"does not have; it has {', '.join(jobs)}."
        )
    if not isinstance(index, int) or isinstance(index, bool):
        raise _refusal(f"has the task index {json.dumps(index)}, which is not a whole number")
    if not 0 <= index < len(jobs[kind]):
        raise UsageError(
            f"TF_CONFIG says that this is {kind} {index}, and lists {len(jobs[kind])} of them, "
            f"counted from 0."
        )
    return kind, index
