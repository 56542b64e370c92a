"""A million steps: memory, speed, and what is written.

python -m tests.reliability.long_run --steps 1000000
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import tfloss
from tfloss.runs.folder import METRICS, write_run
from tfloss.training.config import Config
from tfloss.training.history import MOST_EPOCHS
from tfloss.training.loop import chunk_size


def resident() -> int:
    """Bytes of this process in memory."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def measure(steps: int, compile: str = "auto") -> dict[str, float]:
    """Train for so many steps with checkpoints, in a hundred chunks.

    Returns:
        kilobytes that memory grew per 100,000 steps after the first fifth (least squares) with
        twice its standard error, and those that the history has in them; the time of the last
        tenth over that of the second; lines and
        bytes of the metrics; bytes of the newest checkpoint; seconds.
    """
    data = tfloss.load_data("breast_cancer", train_size=64)
    epochs, seen = steps // 2, []

    def watch(history: Any) -> None:
        seen.append((history.latest.step, resident(), time.perf_counter()))

    # The orders of rows of a usual chunk are 13 MB, beside which growth could not be seen.
    chunks = mock.patch.dict(chunk_size._STEPS, {"xla": steps // 100, "graph": steps // 100})
    with tempfile.TemporaryDirectory() as folder, chunks:
        kept = Path(folder) / "checkpoints"
        result = tfloss.fit(
            "bce + linear(0, 1, epochs=100)*l2('*/kernel')", data, epochs=epochs, on_progress=watch,
            checkpoint=kept, checkpoint_every=f"{max(1, epochs // 40)}epochs", compile=compile,
        )  # fmt: skip
        newest = max(kept.glob("step-*.npz")).stat().st_size
        run = write_run(Path(folder), Config(formula="bce", epochs=epochs), result)
        content = (run / METRICS).read_bytes()
    history_bytes = sum(values.nbytes for values in result.history.to_arrays().values())
    step, memory, clock = (np.array(values, float) for values in zip(*seen, strict=True))
    later = step > steps / 5
    (slope, _), covariance = np.polyfit(step[later], memory[later], 1, cov=True)
    at = np.interp([steps * 0.1, steps * 0.2, steps * 0.9, steps], step, clock)
    return {
        "steps": float(step[-1]),
        "kB per 100,000 steps": slope * 1e5 / 1e3,
        "kB of history in them": 1e5 * history_bytes / steps / 1e3,
        "± 2 standard errors": 2 * float(np.sqrt(covariance[0, 0])) * 1e5 / 1e3,
        "looks": len(step),
        "memory at the end (MB)": memory[-1] / 1e6,
        "last tenth / second tenth": (at[3] - at[2]) / (at[1] - at[0]),
        "lines of metrics": content.count(b"\n"),
        "bytes of metrics": len(content),
        "bytes of a checkpoint": newest,
        "seconds": clock[-1] - clock[0],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--compile", default="auto")
    arguments = parser.parse_args()
    for name, value in measure(arguments.steps, arguments.compile).items():
        print(f"{name:28} {value:,.3f}")
    print(f"a history keeps at most {MOST_EPOCHS:,} epochs")


if __name__ == "__main__":
    main()
