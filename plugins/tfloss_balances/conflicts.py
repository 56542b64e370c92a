"""Gradients that point against each other are turned, pair by pair."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import tfloss
from tfloss import LossVariable, tf
from tfloss.constraints import AtLeast, Interval
from tfloss_balances.gramian import SMALLEST


@tfloss.balance
def pcgrad(gramian: Any, step: Any, *, seed: Annotated[int, AtLeast(0)] = 0) -> Any:
    """Projecting conflicting gradients: each loses the part that works against another.

    gramian: (m, m), inner products of the members' gradients.  step: for the order of the others.
    Returns (m,): the sum of the projected gradients, as weights of the members' own.

    seed: another series of orders, in which the others are gone through.

    Source: Yu et al. 2020, "Gradient surgery for multi-task learning", algorithm 1.
    """
    members = gramian.shape[0]
    lengths = tf.maximum(tf.linalg.diag_part(gramian), SMALLEST)
    key = tf.stack([tf.constant(seed, tf.int32), tf.cast(step, tf.int32)])
    draw = tf.random.stateless_uniform((members, members), key, alg="philox")
    order = tf.argsort(draw, axis=1)  # row i: the order in which member i meets the others
    rows = tf.eye(members)
    mine = tf.range(members)
    for place in range(members):
        other = tf.one_hot(order[:, place], members)
        product = tf.reduce_sum((rows @ gramian) * other, axis=1)
        length = tf.reduce_sum(other * lengths, axis=1)
        against = (product < 0) & (order[:, place] != mine)
        rows -= other * tf.where(against, product / length, tf.zeros_like(product))[:, None]
    return tf.reduce_sum(rows, axis=0)


def _cosines(members: int, settings: Mapping[str, Any]) -> dict[str, LossVariable]:
    return {"cosines": LossVariable((members, members), 0.0, trainable=False)}


@tfloss.balance(state=_cosines)
def gradvac(gramian: Any, *, beta: Annotated[float, Interval(0, 1)] = 0.01, state: Any) -> Any:
    """Gradient vaccine: gradients are turned until each pair is as similar as it usually is.

    gramian: (m, m), inner products of the members' gradients.
    Returns (m,): the sum of the turned gradients, as weights of the members' own; in the first step
    those of `pcgrad`.

    beta: how fast the usual cosine of a pair follows.

    Source: Wang et al. 2021, "Gradient vaccine: investigating and improving multi-task optimization
    in massively multilingual models"; gradients of all weights together, members in order.
    """
    members = gramian.shape[0]
    lengths = tf.sqrt(tf.maximum(tf.linalg.diag_part(gramian), SMALLEST))
    usual, seen = state["cosines"], []
    rows = []
    for i in range(members):
        row, found = tf.one_hot(i, members), []
        for j in range(members):
            if i == j:
                found.append(tf.constant(0.0))
                continue
            towards = tf.linalg.matvec(gramian, row)
            length = tf.sqrt(tf.maximum(tf.reduce_sum(row * towards), SMALLEST))
            cosine = tf.clip_by_value(towards[j] / (length * lengths[j]), -1.0, 1.0)
            wanted = usual[i, j]
            root = tf.sqrt(tf.maximum(1.0 - wanted**2, SMALLEST))
            amount = wanted * tf.sqrt(tf.maximum(1.0 - cosine**2, 0.0)) - cosine * root
            amount = length * amount / (lengths[j] * root)
            row += tf.one_hot(j, members) * tf.where(cosine < wanted, amount, 0.0)
            found.append(cosine)
        rows.append(row)
        seen.append(tf.stack(found))
    state.update("cosines", (1.0 - beta) * usual + beta * tf.stack(seen))
    return tf.add_n(rows)


@tfloss.hookimpl
def tfloss_balances() -> list[Any]:
    """Register this module's balances."""
    return [pcgrad, gradvac]
