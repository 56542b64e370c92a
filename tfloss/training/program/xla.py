"""How XLA compiles for the processor: small loops as a whole."""

from __future__ import annotations

import os

_FLAG = "--xla_backend_extra_options="
_OPTION = "xla_cpu_small_while_loop_byte_threshold"

# XLA runs a program for the CPU as a list of kernels, each called by its runtime for about 0.2 µs.
# A loop whose one pass touches fewer bytes than this becomes one function of machine code instead,
# without any calls; but its matrix products are plain loops then, which from about 200 kB on costs
# more than the calls did. XLA's own limit is 1 kB. Measured in docs/engine.md.
SMALL_LOOP_BYTES = 200_000


def prepare_xla() -> None:
    """Raise XLA's limit for small loops, unless XLA_FLAGS already says what it is.

    XLA reads its flags once per process, when it first compiles: a process that has compiled
    something before keeps the limit that it had, and trains small networks slower.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if _OPTION in flags:
        return
    option = f"{_OPTION}={SMALL_LOOP_BYTES}"
    if _FLAG in flags:  # the flag can be given once: one more option for it
        flags = flags.replace(_FLAG, f"{_FLAG}{option},", 1)
    else:
        flags = f"{flags} {_FLAG}{option}".strip()
    os.environ["XLA_FLAGS"] = flags
