"""What XLA makes of each kind of operation on the processor, next to TensorFlow's graph executor.

    python -m tests.benchmarks.op_kinds [--rounds 7] [--only convolution …] [--write]

Every kind is computed with its gradient, again and again in a loop inside of one program, as in a
training; the two programs take turns, and the table has the median of the ratios. Which of these
kinds decide is said in `tfloss.training.program.choose_compiler`.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.benchmarks.engine import write_page

Call = Callable[[Any], Any]


@dataclass(frozen=True)
class Kind:
    """Something that networks do.

    Attributes:
        name: as the table has it.
        shape: of what it is given, float32.
        make: makes the function, with its weights.
    """

    name: str
    shape: tuple[int, ...]
    make: Callable[[], Call]


def layer(kind: str, *given: Any, **options: Any) -> Callable[[], Call]:
    """A layer of Keras in training."""

    def make() -> Call:
        import keras

        made = getattr(keras.layers, kind)(*given, **options)
        takes = kind in ("Dropout", "BatchNormalization", "GaussianNoise")
        return (lambda x: made(x, training=True)) if takes else made

    return make


def function(call: Callable[[Any, Any], Any]) -> Callable[[], Call]:
    """A function of TensorFlow and x."""

    def make() -> Call:
        import tensorflow as tf

        return lambda x: call(tf, x)

    return make


def _embedding() -> Call:
    import keras
    import tensorflow as tf

    table = keras.layers.Embedding(1000, 32)
    return lambda x: table(tf.cast(tf.abs(x) * 300, tf.int32) % 1000)


def _attention() -> Call:
    import keras

    made = keras.layers.MultiHeadAttention(4, 16)
    return lambda x: made(x, x)


KINDS = (
    Kind("convolution 3x3, 8 to 16", (32, 28, 28, 8), layer("Conv2D", 16, 3)),
    Kind("convolution 1x1, 8 to 16", (32, 28, 28, 8), layer("Conv2D", 16, 1)),
    Kind("convolution over time", (32, 64, 16), layer("Conv1D", 32, 3)),
    Kind("convolution by depth", (32, 16, 16, 16), layer("DepthwiseConv2D", 3)),
    Kind("transposed convolution", (16, 16, 16, 8), layer("Conv2DTranspose", 8, 2, 2)),
    Kind("largest of a window", (32, 28, 28, 16), layer("MaxPooling2D")),
    Kind("mean of a window", (32, 28, 28, 16), layer("AveragePooling2D", 2)),
    Kind("BatchNormalization of images", (32, 16, 16, 16), layer("BatchNormalization")),
    Kind("BatchNormalization of rows", (128, 128), layer("BatchNormalization")),
    Kind("LayerNormalization", (32, 32, 64), layer("LayerNormalization")),
    Kind("Dropout", (128, 128), layer("Dropout", 0.3)),
    Kind("GaussianNoise", (128, 128), layer("GaussianNoise", 0.3)),
    Kind("matrix product 5x10x10", (5, 10), layer("Dense", 10, "tanh")),
    Kind("matrix product 128x128x64", (128, 128), layer("Dense", 64, "tanh")),
    Kind("matrix product 512x784x1024", (512, 784), layer("Dense", 1024, "tanh")),
    Kind("attention, 4 heads, 32 tokens", (32, 32, 64), _attention),
    Kind("embedding, 64x50 of 1000", (64, 50), _embedding),
    Kind("LSTM 32, 50 steps", (64, 50, 32), layer("LSTM", 32)),
    Kind("GRU 32, 50 steps", (64, 50, 32), layer("GRU", 32)),
    Kind("softmax", (256, 1000), function(lambda tf, x: tf.nn.softmax(x))),
    Kind("exponential, 10 numbers", (5, 10), function(lambda tf, x: tf.exp(-x * x))),
    Kind("exponential, 10^6 numbers", (1000, 1000), function(lambda tf, x: tf.exp(-x * x))),
    Kind("sorting", (128, 128), function(lambda tf, x: tf.sort(x))),
    Kind("the 5 largest", (128, 128), function(lambda tf, x: tf.math.top_k(x, 5)[0])),
    Kind("cumulative sum", (128, 128), function(lambda tf, x: tf.cumsum(x, axis=1))),
    Kind("all distances", (128, 32), function(lambda tf, x: (x[:, None] - x[None]) ** 2)),
    Kind("Fourier transform", (64, 256), function(lambda tf, x: tf.abs(tf.signal.rfft(x)))),
    Kind("resized images", (16, 16, 16, 8), function(lambda tf, x: tf.image.resize(x, (32, 32)))),
)


def program(kind: Kind, how: str) -> Callable[[int], Any]:
    """A loop of so many steps, each with the gradient; compiled."""
    import keras
    import tensorflow as tf

    from tfloss.training.program.compiler import Compiled

    keras.utils.set_random_seed(0)
    call = kind.make()
    rows = tf.constant(np.random.default_rng(0).normal(size=kind.shape).astype(np.float32))
    call(rows)  # makes the weights

    def step(number: Any, x: Any) -> Any:
        with tf.GradientTape(watch_accessed_variables=True) as tape:
            tape.watch(x)
            total = tf.reduce_mean(tf.square(call(x)))
        watched = [*tape.watched_variables()]
        first, *others = tape.gradient(total, [x, *watched])
        moved = 0.0 if first is None else tf.convert_to_tensor(first)
        for other in others:
            moved += 0.0 if other is None else 1e-9 * tf.reduce_sum(tf.convert_to_tensor(other))
        return number + 1, x - 1e-3 * moved

    def loop(count: Any) -> Any:
        return tf.while_loop(lambda n, _: n < count, step, (0, rows), parallel_iterations=1)[1]

    compiled = Compiled(loop, how, progress=lambda: 0)
    return lambda count: compiled(tf.constant(count)).numpy()


def measured(kind: Kind, rounds: int) -> tuple[float, np.ndarray]:
    """Microseconds of a step in the graph executor, and the ratios XLA / graph."""
    programs = [program(kind, how) for how in ("graph", "xla")]
    counts = [_count_for(run) for run in programs]
    times = np.array(
        [
            [_seconds(run, n) / n for run, n in zip(programs, counts, strict=True)]
            for _ in range(rounds)
        ]
    )
    return float(np.median(times[:, 0])) * 1e6, times[:, 1] / times[:, 0]


def _count_for(run: Callable[[int], Any], seconds: float = 0.05) -> int:
    run(2)
    return max(2, int(2 * seconds / _seconds(run, 2)), int(8 * seconds / _seconds(run, 8)))


def _seconds(run: Callable[[int], Any], count: int) -> float:
    started = time.perf_counter()
    run(count)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", nargs="*", default=[], help="kinds with these words")
    parser.add_argument("--write", action="store_true", help="write a page of docs/benchmarks/")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from tfloss.training.program.xla import prepare_xla

    prepare_xla()
    lines = [
        "| with its gradient | graph, µs | XLA takes | least to most |",
        "| --- | ---: | ---: | ---: |",
    ]
    for kind in KINDS:
        if options.only and not any(word in kind.name for word in options.only):
            continue
        graph, ratios = measured(kind, options.rounds)
        spread = f"{ratios.min():.2f} to {ratios.max():.2f}"
        lines.append(f"| {kind.name} | {graph:,.0f} | {np.median(ratios):.2f} | {spread} |")
        print(lines[-1], flush=True)
    if options.write:
        command = " ".join(["python -m tests.benchmarks.op_kinds", *sys.argv[1:]])
        print(write_page("op_kinds", command, ["\n".join(lines)]))


if __name__ == "__main__":
    main()
