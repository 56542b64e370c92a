"""What a balance costs in a step, over the plain sum of the same terms, on a quiet machine.

    python -m tests.benchmarks.balances [--terms 2 4 8] [--rounds 21] [--balances pcgrad]

A shared network of two layers of 256 units has as many heads as there are terms. In every round the
plain sum and each balance train for the same number of steps, one after the other, so that what
else the machine does meets all of them alike. Printed is the median over the rounds of the ratio of
a balance's time to the plain sum's of the same round, with quartiles. The targets: at most 1.05 for
methods by losses alone; for methods by gradients at most 1 + 0.9*m times the backward pass, which
is taken from a step without one.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

BALANCES = (
    *("uncertainty", "imtl_l", "gls", "dwa", "random_weights", "cov", "softadapt", "relobralo"),
    *("famo", "ntk"),
    *("gradnorm", "annealed", "pcgrad", "gradvac", "mgda", "cagrad", "imtl_g", "aligned"),
    *("upgrad", "dual_proj", "nash", "fairgrad"),
)
ROWS, FEATURES, UNITS, BATCH = 4096, 64, 256, 128


def _engine(formula: str, heads: int) -> Any:
    import keras

    import tfloss
    from tfloss.data import Columns
    from tfloss.objective import Entry, Objective, Scope
    from tfloss.student import wrap_model
    from tfloss.training.loop.in_memory import Engine
    from tfloss.training.program.batch import as_tensors
    from tfloss.training.program.forward import StudentLoss

    keras.utils.set_random_seed(0)
    inputs = keras.Input((FEATURES,))
    hidden = inputs
    for _ in range(2):
        hidden = keras.layers.Dense(UNITS, "tanh")(hidden)
    parts = [keras.layers.Dense(1, name=f"head{n}")(hidden) for n in range(heads)]
    student = wrap_model(keras.Model(inputs, keras.layers.Concatenate()(parts)))
    outside = [Entry(f"y{n}", "data", (None, 1), known_outside=True) for n in range(heads)]
    registry = tfloss.load_registry()
    objective = Objective(formula, registry, student.scope("regression") | Scope(outside))
    random = np.random.default_rng(0)
    columns = {"inputs": random.normal(size=(ROWS, FEATURES)).astype(np.float32)}
    columns |= {f"y{n}": random.normal(size=(ROWS, 1)).astype(np.float32) for n in range(heads)}
    return Engine(
        StudentLoss(student, objective),
        keras.optimizers.Adam(1e-3),
        as_tensors(Columns(columns), objective.needs),
        batch_size=BATCH,
        compile="xla",
    )


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _backward_share(engine: Any, rounds: int) -> float:
    """What of a step of the plain sum is left when its forward pass is taken away."""
    import tensorflow as tf

    batch = engine._gathered(tf.range(BATCH), engine._train)
    forward = tf.function(
        lambda: engine.forward(batch, tf.constant(0), training=True)[0],
        jit_compile=True,
        autograph=False,
    )
    # The gradients' norms keep XLA from leaving them out.
    both = tf.function(
        lambda: tf.linalg.global_norm(engine.gradients(batch, tf.constant(0))[1]),
        jit_compile=True,
        autograph=False,
    )
    for one in (forward, both):
        one()
    found = []
    for _ in range(rounds):
        found.append((_seconds(lambda: both().numpy()), _seconds(lambda: forward().numpy())))
    whole, without = np.median(found, axis=0)
    return float(max(0.0, (whole - without) / whole))


def ratios(heads: int, balances: list[str], rounds: int, epochs: int = 4) -> dict[str, np.ndarray]:
    """By balance, its time over the plain sum's in each round."""
    import tfloss

    terms = ", ".join(f"mse(y{n}, head{n})" for n in range(heads))
    known = tfloss.load_registry().balances
    formulas = {"plain": terms.replace(", mse", " + mse")}
    formulas |= {name: f"{name}({terms})" for name in balances if name in known}
    engines = {name: _engine(formula, heads) for name, formula in formulas.items()}
    order = np.tile(np.arange(ROWS, dtype=np.int32), (epochs, 1))
    for engine in engines.values():
        engine.run(order, 0)  # compiles
    found: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(rounds):
        for name, engine in engines.items():
            found[name].append(_seconds(lambda engine=engine: engine.run(order, 0)))
    plain = np.array(found.pop("plain"))
    share = _backward_share(engines["plain"], rounds)
    limit = 1 + 0.9 * heads * share
    print(f"\n{heads} terms; the backward pass is {share:.0%} of a plain step: limit {limit:.2f}")
    return {name: np.array(seconds) / plain for name, seconds in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--terms", nargs="+", type=int, default=[2, 4, 8])
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--balances", nargs="+", default=list(BALANCES))
    options = parser.parse_args()
    for heads in options.terms:
        for name, found in ratios(heads, options.balances, options.rounds).items():
            low, middle, high = np.quantile(found, (0.25, 0.5, 0.75))
            print(f"{name:>15}  {middle:.2f}  (quartiles {low:.2f}, {high:.2f})")


if __name__ == "__main__":
    main()
