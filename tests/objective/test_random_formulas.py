"""What is printed is what is computed: random formulas against dual numbers in numpy.

A dual number carries a value and its derivative by the example's own logit, both in float64; its
rules are written out here and share nothing with the code that is tested.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from scipy.special import expit

from tests.objective.builders import LABELS, LOGITS, SCOPE, TEACHER, TENSORS
from tfloss.formula import parse, to_text
from tfloss.objective import Objective


@dataclass
class Dual:
    """value, slope: (rows,)."""

    value: np.ndarray
    slope: np.ndarray

    def __add__(self, other):
        return Dual(self.value + other.value, self.slope + other.slope)

    def __sub__(self, other):
        return Dual(self.value - other.value, self.slope - other.slope)

    def __mul__(self, other):
        slope = self.slope * other.value + self.value * other.slope
        return Dual(self.value * other.value, slope)

    def __truediv__(self, other):
        slope = (self.slope * other.value - self.value * other.slope) / other.value**2
        return Dual(self.value / other.value, slope)

    def __pow__(self, power):
        return Dual(self.value**power, power * self.value ** (power - 1) * self.slope)


def leaves() -> dict[str, Dual]:
    z = LOGITS[:, 0].astype(np.float64)
    y, q = LABELS[:, 0].astype(np.float64), TEACHER[:, 0].astype(np.float64)
    p = expit(z)
    slope = p * (1 - p)
    log_ratio, log_other = np.log(p / q), np.log((1 - p) / (1 - q))
    return {
        "bce": Dual(-(y * np.log(p) + (1 - y) * np.log(1 - p)), p - y),
        "kl": Dual(p * log_ratio, slope * (log_ratio + 1)),
        "binary_kl": Dual(p * log_ratio + (1 - p) * log_other, slope * (log_ratio - log_other)),
        "mse": Dual((y - p) ** 2, 2 * (p - y) * slope),
    }


LEAVES = leaves()
# mse takes predictions first where it is not told otherwise; here it is told.
TEXTS = {name: name for name in LEAVES} | {"mse": "mse(labels, sigmoid(logits))"}


def expression(source: random.Random, depth: int) -> tuple[str, Dual]:
    """A value per example, positive or not; its text is always in parentheses where it must."""
    if depth == 0:
        name = source.choice(list(LEAVES))
        return TEXTS[name], LEAVES[name]
    kind = source.choice("+-*/fpn")
    text, dual = expression(source, depth - 1)
    if kind == "f":
        name = source.choice(list(FUNCTIONS))
        return f"{name}({text})", FUNCTIONS[name](dual)
    if kind == "p":
        return f"({text})**2", dual**2
    if kind == "n":
        number = round(source.uniform(0.1, 3), 2)
        return f"{number}*({text})", Dual(number * dual.value, number * dual.slope)
    other_text, other = expression(source, depth - 1)
    if kind == "/":  # away from zero
        one = Dual(np.ones_like(other.value), np.zeros_like(other.value))
        return f"({text})/(1 + ({other_text})**2)", dual / (one + other**2)
    results = {"+": dual + other, "-": dual - other, "*": dual * other}
    return f"({text}) {kind} ({other_text})", results[kind]


FUNCTIONS = {
    "abs": lambda d: Dual(abs(d.value), np.sign(d.value) * d.slope),
    "square": lambda d: d**2,
    "exp": lambda d: Dual(np.exp(d.value), np.exp(d.value) * d.slope),
}


def term(source: random.Random) -> tuple[str, float, np.ndarray]:
    """A term's text, its value, and its gradient by the logits."""
    coefficient = source.choice([0.1, 0.5, 1, 2.5])
    text, dual = expression(source, source.randint(0, 3))
    reduction = source.choice(["mean", "sum", "max", ""])
    rows = len(dual.value)
    if reduction == "sum":
        value, slope = dual.value.sum(), dual.slope
    elif reduction == "max":
        top = np.eye(rows)[dual.value.argmax()]
        value, slope = dual.value.max(), top * dual.slope
    else:
        value, slope = dual.value.mean(), dual.slope / rows
    return f"{coefficient}*{reduction}({text})", coefficient * value, coefficient * slope


def test_value_and_gradient_are_the_sum_by_hand(registry, full_size):
    source = random.Random(11)
    done = 0
    while done < (500 if full_size else 25):
        terms = [term(source) for _ in range(source.randint(1, 4))]
        value = sum(t[1] for t in terms)
        slope = np.sum([t[2] for t in terms], axis=0)
        if max(abs(t[1]) for t in terms) > 1e4 or np.abs(slope).max() > 1e5:
            continue  # exp of a square: float32 cannot follow
        done += 1
        text = " + ".join(t[0] for t in terms)
        assert to_text(parse(to_text(parse(text)))) == to_text(parse(text))
        for written in (text, to_text(parse(text))):
            objective = Objective(written, registry, SCOPE, allow_negative=True)
            logits = tf.constant(LOGITS)
            with tf.GradientTape() as tape:
                tape.watch(logits)
                total = objective({**TENSORS, "logits": logits}).total
            size = 1e-4 * max(1, max(abs(t[1]) for t in terms))
            np.testing.assert_allclose(float(total), value, rtol=2e-4, atol=size, err_msg=text)
            found = tape.gradient(total, logits).numpy()[:, 0]
            size = 2e-4 * max(1, np.abs(slope).max())
            np.testing.assert_allclose(found, slope, rtol=2e-3, atol=size, err_msg=text)
    print(f"{done} formulas")
