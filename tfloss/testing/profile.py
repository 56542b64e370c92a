"""What a loss and its gradient look like: one number of the student's moves, all else stays.

On inputs of the domains that the checks use, so any loss can be drawn, a third party's too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfloss.errors import UsageError
from tfloss.lazy import tf
from tfloss.registry import Loss
from tfloss.report.profile import Profile
from tfloss.testing.domains import Parameter, one_hot
from tfloss.testing.in_objective import as_text
from tfloss.testing.inputs import Inputs, map_arrays
from tfloss.testing.results import NotApplicable
from tfloss.testing.subject import ROWS, Subject, as_tensors

POINTS = 121

# Between which values a tensor moves, by its domain.
_SPANS = {
    "logits": (-6.0, 6.0),
    "probabilities": (0.0, 1.0),
    "chances": (0.0, 1.0),
    "amounts": (0.0, 4.0),
    "counts": (0.0, 4.0),
    "unit": (-1.0, 1.0),
}
_FIRST_CHOICE = ("logits", "prediction", "probs", "chosen", "policy")


def profile(
    loss: Loss, settings: Mapping[str, Any] | None = None, *, points: int = POINTS
) -> Profile:
    """Values and gradients over one number of the student's.

    Args:
        loss: what `@tfloss.loss` made.
        settings: settings other than the defaults.
        points: at how many values of that number.

    Raises:
        UsageError: it has no tensor that training changes, or refuses its settings or tensors.
    """
    subject = Subject(loss, settings=settings)
    moved = _moved(subject)
    try:
        width = subject.narrowest
    except NotApplicable:
        error = next(iter(subject.attempts.values()))
        raise UsageError(f"'{loss.name}' cannot be drawn: {error}") from error
    rows = 1 if subject.per_example else ROWS
    base = _canonical(subject, subject.moderate(width, rows), width)
    x = np.linspace(*_SPANS.get(moved.domain.name, (-3.0, 3.0)), points)
    # A loss per example answers for all places in one call, which is cheaper than tracing it.
    call = subject.with_gradients
    program = call if subject.per_example else tf.function(call, autograph=False)
    names, values, slopes = [], [], []
    for name, inputs in _targets(subject, base, width):
        line = _line(subject, program, inputs, moved, x)
        names.append(name)
        values.append(line[0])
        slopes.append(line[1])
    return Profile(
        loss=as_text(loss.name, subject.settings),
        varied=_place(subject, moved, width),
        fixed=_said(subject, width),
        x=x.tolist(),
        names=names,
        values=values,
        slopes=slopes,
    )


def _moved(subject: Subject) -> Parameter:
    """The tensor of which a number moves: what the student answers, else the last one."""
    students = {p.name: p for p in subject.differentiable}
    if not students:
        raise UsageError(f"'{subject.loss.name}' has no tensor that training changes.")
    first = next((students[name] for name in _FIRST_CHOICE if name in students), None)
    return first or list(students.values())[-1]


def _place(subject: Subject, moved: Parameter, width: int) -> str:
    """The number that moves, as one would index it."""
    if subject.per_example and moved.columns(width) == 1:
        return moved.name
    return f"{moved.name}[0, 0]" if moved.domain.name != "maps" else f"{moved.name}[0, 0, 0, 0]"


def _said(subject: Subject, width: int) -> str:
    columns = "one column" if width == 1 else f"{width} columns"
    rows = "one example" if subject.per_example else f"the first of {ROWS} random examples"
    held = "; what it holds is as at the start" if subject.loss.state else ""
    return f"{rows}, {columns}{held}"


def _canonical(subject: Subject, inputs: Inputs, width: int) -> Inputs:
    """Simple values where a single example is drawn; no weights of examples."""
    kept = {name: value for name, value in inputs.items() if name != "sample_weight"}
    if not subject.per_example:
        return kept
    for parameter in subject.parameters:
        domain = parameter.domain.name
        if domain == "logits" or (domain in ("numbers", "log_amounts") and width == 1):
            kept[parameter.name] = np.zeros_like(kept[parameter.name])
        elif domain in ("amounts", "counts"):
            kept[parameter.name] = np.ones_like(kept[parameter.name])
        elif domain == "grades":  # the item that moves is relevant, the others less and less
            kept[parameter.name] = np.arange(kept[parameter.name].shape[1])[::-1][None] * 1.0
    return kept


def _targets(subject: Subject, base: Inputs, width: int) -> list[tuple[str, Inputs]]:
    """The inputs with each value of their first target that is worth a line of its own."""
    for parameter in subject.parameters:
        rows = _EXAMPLES.get(parameter.domain.name)
        if parameter.is_target and rows is not None:
            columns = parameter.columns(width)
            return [
                (f"{parameter.name} {name}", _with_first_row(base, parameter.name, row))
                for name, row in rows(columns)
            ]
    return [(subject.loss.name, base)]


def _with_first_row(base: Inputs, name: str, row: np.ndarray) -> Inputs:
    changed = base[name].copy()
    changed[0] = row
    return {**base, name: changed}


def _classes(columns: int) -> list[tuple[str, np.ndarray]]:
    if columns == 1:
        return [("1", np.ones(1)), ("0", np.zeros(1))]
    first, second = one_hot(np.array([0, 1]), columns)
    return [("this class", first), ("another", second)]


def _probabilities(columns: int) -> list[tuple[str, np.ndarray]]:
    if columns == 1:
        return [(str(p), np.full(1, p)) for p in (0.1, 0.5, 0.9)]
    others = columns - 1
    return [
        (f"{p:.2g}", np.array([p, *[(1 - p) / others] * others])) for p in (0.1, 1 / columns, 0.8)
    ]


_EXAMPLES = {
    "classes": _classes,
    "yes_no": _classes,
    "probabilities": _probabilities,
    "chances": lambda columns: [(str(p), np.full(columns, p)) for p in (0.1, 0.5, 0.9)],
}


def _line(
    subject: Subject, program: Any, inputs: Inputs, moved: Parameter, x: np.ndarray
) -> tuple[list[float], list[float]]:
    """The loss and the gradient at every place."""
    places = [_moved_to(inputs, moved, value) for value in x]
    if subject.per_example:
        stacked = {name: np.concatenate([place[name] for place in places]) for name in inputs}
        values, gradients = program(as_tensors(stacked))
        gradient = np.asarray(gradients[moved.name]).reshape(len(x), -1)[:, 0]
        return np.asarray(values).tolist(), gradient.tolist()
    line, slopes = [], []
    for place in places:
        value, gradients = program(as_tensors(place))
        line.append(float(value))
        slopes.append(float(np.ravel(tf.nest.flatten(gradients[moved.name])[0])[0]))
    return line, slopes


def _moved_to(inputs: Inputs, moved: Parameter, value: float) -> Inputs:
    """The inputs with one number changed; probabilities go on adding up to one."""
    changed = {**inputs, **map_arrays(np.copy, {moved.name: inputs[moved.name]})}
    array = changed[moved.name]
    array = array[0] if isinstance(array, list) else array
    if moved.domain.name == "probabilities" and array.shape[-1] > 1:
        array[0] *= (1 - value) / (1 - array[0, 0])
    array[(0,) * array.ndim] = value
    return changed
