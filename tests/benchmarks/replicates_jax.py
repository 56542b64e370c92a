"""The article's job by hand in JAX: vmap over replicates, scan over steps; a process of its own.

    python -m tests.benchmarks.replicates_jax JOB.npz STEPS RATE

JOB holds initial weights w0, w1, … and the columns inputs, labels and teacher, each with a leading
replicate axis. A line `go` on stdin is answered with replicate-steps per second.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def loss(weights: Any, x: Any, y: Any, q: Any) -> Any:
    h = jax.nn.sigmoid(x @ weights[0] + weights[1])
    h = jax.nn.sigmoid(h @ weights[2] + weights[3])
    z = h @ weights[4] + weights[5]
    bce = jnp.mean(jnp.maximum(z, 0) - z * y + jnp.log1p(jnp.exp(-jnp.abs(z))))
    kl = 0.1 * jnp.abs(jnp.sum(jax.nn.sigmoid(z) * (jax.nn.log_sigmoid(z) - jnp.log(q))))
    return bce + kl, (bce, kl)


def program(steps: int, rate: float) -> Any:
    def one(weights: Any, x: Any, y: Any, q: Any) -> Any:
        def step(weights: Any, _: Any) -> Any:
            gradients, terms = jax.grad(loss, has_aux=True)(weights, x, y, q)
            return [w - rate * g for w, g in zip(weights, gradients, strict=True)], terms

        return jax.lax.scan(step, weights, None, length=steps)

    return jax.jit(jax.vmap(one))


def main() -> None:
    path, steps, rate = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    job = np.load(path)
    weights = [jnp.asarray(job[f"w{number}"]) for number in range(6)]
    arguments = (weights, *(jnp.asarray(job[name]) for name in ("inputs", "labels", "teacher")))
    run = program(steps, rate)
    jax.block_until_ready(run(*arguments))
    print("ready", flush=True)
    for _ in sys.stdin:
        started = time.perf_counter()
        jax.block_until_ready(run(*arguments))
        print(steps * len(job["inputs"]) / (time.perf_counter() - started), flush=True)


if __name__ == "__main__":
    main()
