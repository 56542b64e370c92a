"""The GPUs of this machine, dealt out to the processes that are started on it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tfloss.errors import UsageError

VISIBLE = "CUDA_VISIBLE_DEVICES"
_LISTED = Path("/proc/driver/nvidia/gpus")


def gpu_shares(
    count: int, environment: Mapping[str, str], listed: Path = _LISTED
) -> list[str | None]:
    """What CUDA_VISIBLE_DEVICES is for each of `count` processes; None where it is left alone.

    Args:
        count: of processes.
        environment: theirs.
        listed: the driver's folder with an entry for each GPU.

    Raises:
        UsageError: fewer GPUs than processes: TensorFlow lets no two of them share one.
    """
    text = environment.get(VISIBLE)
    if text is None:
        there = len(list(listed.iterdir())) if listed.is_dir() else 0
        gpus = [str(number) for number in range(there)]
    else:
        gpus = [part.strip() for part in text.split(",") if part.strip()]
    if not gpus or gpus[0].startswith("-"):
        return [None] * count
    each = len(gpus) // count
    if each == 0:
        raise UsageError(
            f"{count} workers on this machine need a GPU each, and there are {len(gpus)}; start "
            f"fewer, or hide the GPUs: CUDA_VISIBLE_DEVICES=-1."
        )
    return [",".join(gpus[n * each : (n + 1) * each]) for n in range(count)]
