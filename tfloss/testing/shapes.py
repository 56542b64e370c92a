"""Shapes and dtypes: what goes in, what comes out."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfloss.lazy import tf
from tfloss.testing.checks import check
from tfloss.testing.inputs import Inputs, row_count, take
from tfloss.testing.results import CheckFailure, NotApplicable
from tfloss.testing.shrink import smallest
from tfloss.testing.subject import REFUSALS, ROWS, Subject, as_tensors


@check("can be called")
def can_be_called(subject: Subject) -> int:
    """It takes its tensors by name at one width at least; another is refused with ValueError."""
    attempts = subject.attempts
    wrong = {w: e for w, e in attempts.items() if e is not None and not isinstance(e, REFUSALS)}
    refused = wrong or (attempts if all(attempts.values()) else {})
    for width, error in refused.items():
        first_line = str(error).partition("\n")[0]
        raise CheckFailure(
            f"{subject.loss.name} fails: {type(error).__name__}: {first_line}",
            tried=f"{ROWS} examples of {width} column{'s' * (width > 1)}: "
            + ", ".join(f"{p.name} ({p.domain.describes})" for p in subject.parameters),
            cause="a tensor whose name does not tell its values; say them in the declaration: "
            "domains={'name': 'numbers'}. A width that the loss does not take is refused with "
            "ValueError.",
        )
    return ROWS * len(attempts)


@check("one value per example")
def one_value_per_example(subject: Subject) -> int:
    """It returns (batch,), or a scalar where it declares per="batch"; at every width."""
    tried = 0
    for width in subject.widths:
        inputs = subject.moderate(width)
        tried += row_count(inputs)
        _expect_shape(subject, inputs, f"{row_count(inputs)} examples of width {width}")
    return tried


@check("batch of one")
def batch_of_one(subject: Subject) -> int:
    """A single example gives one finite value."""
    for width in subject.widths:
        inputs = subject.moderate(width, rows=1)
        tried = f"a batch of one example, {width} wide"
        values = _expect_shape(subject, inputs, tried)
        if not np.all(np.isfinite(values)):
            raise CheckFailure(
                f"{subject.loss.name} of one example is {values}.",
                tried=tried,
                cause="a spread over the batch, or a division by batch size - 1; give 0 there.",
                inputs=inputs,
            )
    return len(subject.widths)


@check("empty batch")
def empty_batch(subject: Subject) -> int:
    """A batch of no examples gives no values, or, per batch, a number with a gradient; no NaN."""
    inputs = subject.moderate(subject.width)
    if all(isinstance(value, list) for value in inputs.values()):
        raise NotApplicable("it looks at weights only")
    empty = take(inputs, slice(0))
    values = _expect_shape(subject, empty, "a batch of no examples")
    weighted = not subject.per_example and "sample_weight" in subject.loss.signature.positional
    if not np.all(np.isfinite(values)) or (weighted and abs(float(values)) > 1e-6):
        raise CheckFailure(
            f"{subject.loss.name} of no examples is {values}.",
            tried="a batch of no examples",
            cause="a mean or a maximum over nothing: divide by tf.maximum(count, 1), or return 0 "
            "with tfloss.ops.zero_without_weight(value, weight).",
        )
    gradients = subject.with_gradients(as_tensors(empty))[1]
    if not all(np.all(np.isfinite(g)) for g in tf.nest.flatten(gradients)):
        raise CheckFailure(
            f"{subject.loss.name} of no examples has a gradient that is not finite.",
            tried="a batch of no examples",
            cause="a quotient of sums that are both zero; floor the divisor inside.",
        )
    return 1


def _expect_shape(subject: Subject, inputs: Inputs, tried: str) -> np.ndarray:
    rows = row_count(inputs)
    expected = (rows,) if subject.per_example else ()
    try:
        values = subject.values(inputs)
    except Exception as error:
        raise CheckFailure(
            f"{subject.loss.name} fails: {type(error).__name__}: {error}",
            tried=tried,
            cause="an axis that is missing or squeezed away when the batch is small.",
            inputs=inputs,
        ) from error
    if values.shape != expected:
        raise CheckFailure(
            f"{subject.loss.name} returned shape {values.shape}, not {expected}.",
            tried=tried,
            cause="a reduction over all axes instead of all but the first (axis=-1), a squeeze "
            'without an axis, or a loss about the whole batch that does not say per="batch".',
            inputs=inputs,
        )
    return values


@check("float32 out")
def float32_out(subject: Subject) -> int:
    """float32 tensors give a float32 value."""
    inputs = subject.moderate(subject.width)
    values = subject.call(as_tensors(inputs))
    if tf.as_dtype(values.dtype) != tf.float32:
        raise CheckFailure(
            f"{subject.loss.name} returned {values.dtype.name} for float32 tensors.",
            tried=f"{row_count(inputs)} examples in float32",
            cause="a tf.cast, or a constant of another dtype; write constants as Python numbers.",
            inputs=take(inputs, [0]),
        )
    return row_count(inputs)


@check("refuses shapes that do not match")
def refuses_other_shapes(subject: Subject) -> int:
    """(n, 1) against (n, 2), (n,) against (n, 1), and n rows against one are refused."""
    flat = ("weights", "sample_weight", "indices", "groups", "times", "tokens")
    rowed = [p for p in subject.parameters if p.domain.name not in flat]
    tied = [p.name for p in rowed if p.factor is not None]
    if len(rowed) < 2:
        raise NotApplicable("it has fewer than two tensors whose shapes must match")
    tried = 0
    for name in (p.name for p in rowed):
        for what, inputs in _mismatched(subject, name, len(tied) > 1 and name in tied):
            tried += 1
            if _accepts(subject, inputs):
                shapes = {p.name: np.shape(inputs[p.name]) for p in rowed}
                raise CheckFailure(
                    f"{subject.loss.name} takes shapes that do not match: {_said(shapes)}.",
                    tried=what,
                    cause="TensorFlow broadcasts them in silence, (n,) against (n, 1) to (n, n). "
                    "Compare the static shapes and raise ValueError; widths that may differ are "
                    "declared: domains={'name': 'numbers*any'}.",
                    inputs=smallest(inputs, lambda given: _accepts(subject, given), 2),
                )
    return tried


def _mismatched(subject: Subject, name: str, tied: bool) -> list[tuple[str, Inputs]]:
    """Inputs in which one tensor has another shape than the rest, also in width if it is tied."""
    widths = subject.widths
    narrow, wide = (1, 2) if 1 in widths else (widths[0], widths[-1])
    base = subject.moderate(narrow, rows=4)
    cases = [(f"'{name}' with one row, the others with 4", {**base, name: base[name][:1]})]
    if not tied:
        return cases
    other = wide if wide != narrow else narrow + 1
    wider = subject.moderate(other, rows=4)[name]
    cases.append((f"'{name}' {other} wide, the others {narrow}", {**base, name: wider}))
    if narrow > 1 and np.ndim(base[name]) > 1:
        column = base[name][..., :1]
        cases.append((f"'{name}' 1 wide, the others {narrow}", {**base, name: column}))
    if np.ndim(base[name]) == 2:
        flat = f"'{name}' as (4,), the others (4, {narrow})"
        cases.append((flat, {**base, name: base[name][:, 0]}))
    return cases


def _accepts(subject: Subject, inputs: Inputs) -> bool:
    try:
        subject.values(inputs)
    except Exception:  # TensorFlow's own refusal will do, in whatever class it comes
        return False
    return True


def _said(shapes: dict[str, Any]) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in shapes.items())
