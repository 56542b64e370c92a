"""A process that stays up and answers requests: importing TensorFlow takes longer than most cases.

    python -m tests.distributed.worker DEVICES

DEVICES: how many logical CPUs it has; 0: it is a worker of the cluster that TF_CONFIG describes.
TFLOSS_TEST_CORES=0,1 in its environment: the cores that it may run on.
Each line of its input is a request in JSON, `{"case": "module:function", "with": {…}}`; the
function gets a strategy and what stands under "with". Each answer is a line that starts with
`ANSWER `; all else that is printed is for people.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

ANSWER = "ANSWER "


def main() -> None:
    cores = os.environ.get("TFLOSS_TEST_CORES")
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    strategy_for = _strategies(int(sys.argv[1]))
    _answer({"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        module, _, name = request["case"].partition(":")
        try:
            function = getattr(importlib.import_module(module), name)
            result = function(strategy_for(request.get("replicas")), **request.get("with", {}))
            _answer({"result": result})
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
            _answer({"error": told, "trace": traceback.format_exc()})


def _strategies(devices: int) -> Callable[[int | None], Any]:
    """A strategy for each number of replicas; workers of a cluster have one."""
    import tensorflow as tf

    if not devices:
        cluster = tf.distribute.MultiWorkerMirroredStrategy()
        return lambda _: cluster
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * devices,
    )
    made: dict[int, Any] = {}

    def mirrored(count: int | None) -> Any:
        if count is None:
            return None
        if count not in made:
            # TensorFlow's collectives know one group of devices in a process; the others add up
            # on one device.
            own = None if count == 2 else tf.distribute.ReductionToOneDevice()
            names = [f"CPU:{number}" for number in range(count)]
            made[count] = tf.distribute.MirroredStrategy(names, cross_device_ops=own)
        return made[count]

    return mirrored


def _answer(message: dict[str, Any]) -> None:
    print(f"\n{ANSWER}{json.dumps(message)}", flush=True)


if __name__ == "__main__":
    main()
