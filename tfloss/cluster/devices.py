"""What `--devices` asks for: the GPUs of one process, or parts of its processor."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from tfloss.errors import UsageError
from tfloss.lazy import tf

_FORM = re.compile(r"(?:(gpu|cpu):)?([0-9]{1,3})|auto|cpu")


@dataclass(frozen=True)
class Devices:
    """The devices of one process.

    Attributes:
        kind: 'GPU', or 'CPU' for parts of the processor, which compute side by side.
        count: how many; None: all there are.
    """

    kind: Literal["GPU", "CPU"]
    count: int | None = None

    @property
    def text(self) -> str:
        if self.kind == "CPU":
            return f"cpu:{self.count}"
        return "auto" if self.count is None else str(self.count)


def parse_devices(text: str) -> Devices:
    """'auto' (all GPUs), '2' (two GPUs), 'cpu:2' (two parts of the processor), 'cpu'.

    Raises:
        UsageError: anything else.
    """
    match = _FORM.fullmatch(text)
    count = int(match[2]) if match and match[2] else 1
    if match is None or count < 1:
        raise UsageError(
            f"--devices is '{text}'; say auto (all GPUs), 2 (two GPUs), or cpu:2 (the processor as "
            f"two devices)."
        )
    if text == "auto":
        return Devices("GPU")
    return Devices("CPU" if text.startswith("cpu") else "GPU", count)


def configure_devices(devices: Devices) -> list[str]:
    """Let TensorFlow see these devices only; to be called before it has used one.

    Returns:
        their names, ['GPU:0', 'GPU:1'].

    Raises:
        UsageError: there are not so many GPUs, or TensorFlow has used its devices before.
    """
    try:
        return _gpus(devices) if devices.kind == "GPU" else _parts_of_cpu(devices.count or 1)
    except RuntimeError as error:
        raise UsageError(
            f"The devices cannot be chosen any more, since TensorFlow is at work on them: {error}"
        ) from error


def _gpus(devices: Devices) -> list[str]:
    there = tf.config.list_physical_devices("GPU")
    count = len(there) if devices.count is None else devices.count
    if count > len(there):
        raise UsageError(
            f"--devices {devices.text} asks for {count} GPUs, and TensorFlow sees {len(there)} "
            f"here; --devices cpu:{count} divides the processor."
        )
    if devices.count is not None:
        tf.config.set_visible_devices(there[:count], "GPU")
    return [f"GPU:{number}" for number in range(count)]


def _parts_of_cpu(count: int) -> list[str]:
    tf.config.set_visible_devices([], "GPU")
    whole = tf.config.list_physical_devices("CPU")[0]
    parts = [tf.config.LogicalDeviceConfiguration() for _ in range(count)]
    tf.config.set_logical_device_configuration(whole, parts)
    return [f"CPU:{number}" for number in range(count)]
