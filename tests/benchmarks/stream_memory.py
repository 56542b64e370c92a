"""The peak of memory while a stream is trained on, as the stream grows.

    python -m tests.benchmarks.stream_memory [--write]

Each size is a process of its own: a generator of rows, never held as a whole, in blocks of 32 MiB.
"""

from __future__ import annotations

import argparse

from rich.console import Console
from rich.table import Table

from tests.benchmarks.engine import markdown_of, write_page
from tests.benchmarks.processes import output_of

_WIDTH, _BATCH, _BLOCK = 256, 256, 32 * 2**20
_BLOCKS = (2, 10, 20, 100, 200)
_ROWS_PER_BLOCK = _BLOCK // (4 * _WIDTH)

_PROGRAM = f"""
import resource, sys
import numpy as np, tensorflow as tf, tfloss
rows = int(sys.argv[1])
def made():
    generator = np.random.default_rng(0)
    for _ in range(rows // 1024):
        inputs = generator.normal(size=(1024, {_WIDTH})).astype(np.float32)
        yield {{"inputs": inputs, "labels": (inputs[:, :1] > 0).astype(np.float32)}}
spec = {{n: tf.TensorSpec((None, w), tf.float32) for n, w in (("inputs", {_WIDTH}), ("labels", 1))}}
data = tf.data.Dataset.from_generator(made, output_signature=spec)
def train(steps):
    tfloss.fit_stream("bce", data, "mlp:64", steps_per_epoch=steps, batch_size={_BATCH})
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
train(8)
print(train(rows // {_BATCH}))
"""


def peak(rows: int) -> float:
    """MiB of resident memory at the most, in a process that trained on so many rows."""
    return float(output_of("-c", _PROGRAM, str(rows)).split()[-1])


def measured() -> Table:
    table = Table(title="Peak of memory against the size of the stream", title_justify="left")
    for column in ("blocks of 32 MiB", "rows", "data, MiB", "peak of the process, MiB"):
        table.add_column(column, justify="right")
    for blocks in _BLOCKS:
        rows = blocks * _ROWS_PER_BLOCK
        size = rows * (_WIDTH + 1) * 4 / 2**20
        table.add_row(str(blocks), f"{rows:,}", f"{size:,.0f}", f"{peak(rows):,.0f}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks/")
    options = parser.parse_args()
    table = measured()
    Console(width=100).print(table)
    if options.write:
        command = "python -m tests.benchmarks.stream_memory --write"
        print(write_page("stream_memory", command, [markdown_of(table)]))


if __name__ == "__main__":
    main()
