"""The same trainings in JAX and PyTorch, which need not be installed beside TensorFlow."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.benchmarks.workloads import LEARNING_RATE, TEACHER_WEIGHT, Workload

NAMES = ("inputs", "labels", "teacher")


def jax_scan(workload: Workload) -> Any:
    """All epochs in one jitted program, `lax.scan` over epochs and over batches."""
    import jax
    import jax.numpy as jnp

    columns = workload.columns()
    train_rows = [jnp.asarray(columns[n][: workload.rows]) for n in NAMES]
    holdout = [jnp.asarray(columns[n][workload.rows :]) for n in NAMES]
    generator = np.random.default_rng(0)
    state = [jnp.asarray(w) for w in workload.weights()]

    def terms(weights: Any, inputs: Any, labels: Any, teacher: Any) -> Any:
        hidden = inputs
        for kernel, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
            hidden = jax.nn.sigmoid(hidden @ kernel + bias)
        logits = hidden @ weights[-2] + weights[-1]
        log_p = jax.nn.log_sigmoid(logits)
        bce = jnp.mean(-labels * log_p - (1 - labels) * jax.nn.log_sigmoid(-logits))
        kl = jnp.sum(jax.nn.sigmoid(logits) * (log_p - jnp.log(teacher)))
        values = jnp.stack([bce, TEACHER_WEIGHT * jnp.abs(kl)])
        return jnp.sum(values), values

    def step(weights: Any, rows: Any) -> Any:
        batch = [column[rows] for column in train_rows]
        gradients, values = jax.grad(terms, has_aux=True)(weights, *batch)
        return [w - LEARNING_RATE * g for w, g in zip(weights, gradients, strict=True)], values

    def epoch(weights: Any, rows: Any) -> Any:
        weights, values = jax.lax.scan(step, weights, rows)
        seen = terms(weights, *holdout)[1]
        return weights, jnp.concatenate([values.mean(axis=0), seen])

    program = jax.jit(lambda weights, order: jax.lax.scan(epoch, weights, order))

    def train(epochs: int) -> Any:
        nonlocal state
        rows = [generator.permutation(workload.rows) for _ in range(epochs)]
        order = np.stack(rows).reshape(epochs, -1, workload.batch).astype(np.int32)
        state, log = program(state, order)
        return np.asarray(log)

    return train


def torch_eager(workload: Workload) -> Any:
    """PyTorch's usual loop; on a GPU with TF32, as TensorFlow and JAX have it there."""
    import torch

    torch.set_float32_matmul_precision("high")
    torch.set_default_device("cuda" if torch.cuda.is_available() else "cpu")
    columns = {name: torch.tensor(column) for name, column in workload.columns().items()}
    train_rows = [columns[n][: workload.rows] for n in NAMES]
    holdout = [columns[n][workload.rows :] for n in NAMES]
    widths = (workload.features, *workload.hidden, 1)
    layers: list[Any] = []
    for kernel, bias in zip(workload.weights()[::2], workload.weights()[1::2], strict=True):
        layer = torch.nn.Linear(*kernel.shape)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(kernel.T.copy()))
            layer.bias.copy_(torch.tensor(bias))
        layers += [layer, torch.nn.Sigmoid()]
    model = torch.nn.Sequential(*layers[: 2 * len(widths) - 3])
    optimizer = torch.optim.SGD(model.parameters(), LEARNING_RATE)

    def terms(inputs: Any, labels: Any, teacher: Any) -> tuple[Any, Any]:
        logits = model(inputs)
        bce = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)
        ratio = torch.nn.functional.logsigmoid(logits) - torch.log(teacher)
        return bce, TEACHER_WEIGHT * (torch.sigmoid(logits) * ratio).sum().abs()

    def train(epochs: int) -> list[Any]:
        log = []
        for _ in range(epochs):
            sums = torch.zeros(2)
            for rows in torch.randperm(workload.rows).reshape(-1, workload.batch):
                optimizer.zero_grad()
                values = terms(*(column[rows] for column in train_rows))
                (values[0] + values[1]).backward()
                optimizer.step()
                sums += torch.stack([value.detach() for value in values])
            with torch.no_grad():
                seen = torch.stack(terms(*holdout))
            log.append((sums.cpu().numpy() / workload.steps_per_epoch, seen.cpu().numpy()))
        return log

    return train
