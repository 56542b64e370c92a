"""Variables that a loss holds: trained, saved, and untouched while evaluating."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfloss.lazy import tf
from tfloss.testing.checks import check
from tfloss.testing.compare import all_close
from tfloss.testing.in_objective import as_text, given_to_objective, objective
from tfloss.testing.inputs import row_count
from tfloss.testing.results import CheckFailure, NotApplicable
from tfloss.testing.subject import Subject, as_tensors


@check("what it holds is trained")
def held_is_trained(subject: Subject) -> int:
    """A gradient reaches every trainable variable that the loss declares with state=."""
    made, tensors, tried = _objective(subject)
    with tf.GradientTape() as tape:
        total = made(tensors).total
    variables = {path: v for path, v in made.variables.items() if v.trainable}
    for path, gradient in zip(
        variables, tape.gradient(total, list(variables.values())), strict=True
    ):
        if gradient is None or not np.any(gradient) or not np.all(np.isfinite(gradient)):
            raise CheckFailure(
                f"The gradient of {subject.loss.name} with respect to what it holds, '{path}', is "
                f"{'missing' if gradient is None else np.ravel(gradient)[:3]}.",
                tried=f"{tried} examples, in an Objective",
                cause="the variable is not used, or stop_gradient stands before it; one that is "
                "changed by state.update() declares trainable=False. One that starts at zero may "
                "stand still: give it another initializer.",
            )
    return tried


@check("what it holds is saved")
def held_is_saved(subject: Subject) -> int:
    """Values that were saved give the same value in a new objective; evaluating changes none."""
    made, tensors, tried = _objective(subject)
    made(tensors, training=True)
    for variable in made.variables.values():
        variable.assign(variable + 0.1)
    saved, value = made.values(), made(tensors).total
    if any(not np.array_equal(saved[path], now) for path, now in made.values().items()):
        raise CheckFailure(
            f"{subject.loss.name} changes what it holds while it is evaluated.",
            tried=f"{tried} examples, in an Objective that is not training",
            cause="an assignment past state.update(), which keeps still while evaluating.",
        )
    fresh, _, _ = _objective(subject, seed=1)
    fresh.load(saved)
    again = fresh(tensors).total
    if not all_close(again, value):
        raise CheckFailure(
            f"{subject.loss.name} is {float(value):.6g}, but {float(again):.6g} when what it holds "
            f"was saved and loaded.",
            tried=f"{tried} examples, in two objectives",
            cause="something that it remembers is in a Python global, not in its state.",
        )
    return tried


def _objective(subject: Subject, seed: int = 0) -> tuple[Any, dict[str, Any], int]:
    """A new objective that has seen a batch, the batch, and how many examples it has."""
    if subject.loss.state is None:
        raise NotApplicable("it holds nothing")
    inputs = subject.moderate(subject.width)
    tensors = given_to_objective(as_tensors(inputs))
    made = objective(subject, as_text(subject.loss.name, subject.settings), seed=seed)
    made(tensors)
    return made, tensors, row_count(inputs)
