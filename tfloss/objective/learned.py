"""Settings that training learns: `nt_xent(temperature=learned(0.07))`.

A learned setting is a scalar variable of the loss, trained with the student. What is trained is not
the value itself but a number without limits that it is computed from, so that no step can take the
value out of its declared range: above a lower end it is the logarithm of the distance to that end,
as CLIP learns its temperature, between two ends the log-odds.

Source: Radford et al. 2021, "Learning transferable visual models from natural language
supervision", section 2.5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tfloss.constraints import Interval
from tfloss.formula import Call, Negative, Node, Number, error_at
from tfloss.lazy import tf
from tfloss.registry import Declaration, Loss, LossVariable

LEARNED = "learned"  # what a formula writes


@dataclass(frozen=True)
class Learned:
    """A setting's value that training changes.

    Attributes:
        initial: what it begins with.
        low, high: the ends that it never reaches; None where there is none.
    """

    initial: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        return f"{LEARNED}({self.initial:g})"

    @property
    def variable(self) -> LossVariable:
        """What is trained."""
        return LossVariable((), self._start)

    @property
    def _start(self) -> float:
        low, high, value = self.low, self.high, self.initial
        if low is not None and high is not None:
            return math.log((value - low) / (high - value))
        if low is not None:
            return math.log(value - low)
        return value if high is None else math.log(high - value)

    def value(self, variable: Any) -> Any:
        """The setting, a scalar tensor, from what is trained."""
        if self.low is not None and self.high is not None:
            return self.low + (self.high - self.low) * tf.sigmoid(variable)
        if self.low is not None:
            return self.low + tf.exp(variable)
        return variable if self.high is None else self.high - tf.exp(variable)


def is_learned(node: Node) -> bool:
    """Whether a setting's value is written `learned(…)`."""
    return isinstance(node, Call) and node.name == LEARNED


def learned_of(declaration: Declaration, name: str, node: Node, text: str) -> Learned:
    """What `learned(…)` stands for.

    Raises:
        FormulaError: it has no number, the setting cannot be a tensor, or the number is not inside
            of the setting's range.
    """
    assert isinstance(node, Call)
    initial = _number(node)
    if initial is None:
        raise error_at(
            node,
            text,
            f"'{LEARNED}' takes one number, which training begins with: {name}={LEARNED}(0.5).",
        )
    rules = declaration.signature.rules
    able = [one for one, rule in rules.items() if rule.learnable]
    if not isinstance(declaration, Loss) or name not in able:
        can = f"those that can: {', '.join(able)}" if able else "none of its settings can"
        raise error_at(
            node, text, f"The setting '{name}' of '{declaration.name}' cannot be learned; {can}."
        )
    wrong = declaration.refusal(name, initial)
    interval = next((c for c in rules[name].constraints if isinstance(c, Interval)), Interval())
    if not wrong and initial in (interval.low, interval.high):
        wrong = f"'{name}' is {initial:g}, the end of its range, which a learned value never is."
    if wrong:
        raise error_at(node, text, wrong)
    return Learned(initial, interval.low, interval.high)


def _number(node: Call) -> float | None:
    if len(node.args) != 1 or node.kwargs:
        return None
    sign, value = 1, node.args[0]
    if isinstance(value, Negative):
        sign, value = -1, value.operand
    return float(sign * value.value) if isinstance(value, Number) else None
