"""Values: which examples they belong to, and that they are numbers."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Any

import numpy as np

from tfloss.lazy import tf
from tfloss.testing.checks import check
from tfloss.testing.compare import all_close, worst
from tfloss.testing.in_objective import bound
from tfloss.testing.inputs import Inputs, map_arrays, row_count, take
from tfloss.testing.results import CheckFailure, NotApplicable
from tfloss.testing.shrink import smallest
from tfloss.testing.subject import Subject, as_tensors

_COUPLED = (
    "a mean, a maximum or a statistic over axis 0, or TensorFlow's broadcasting of (n,) against "
    '(n, 1). A loss that is meant to look at the whole batch says per="batch".'
)


@check("order of the batch")
def order_of_the_batch(subject: Subject) -> int:
    """Rows in another order give the same values in that order."""
    _only_per_example(subject)
    inputs = subject.moderate(subject.width, rows=8)
    order = [5, 2, 7, 0, 3, 6, 1, 4]
    expected, found = subject.values(inputs)[order], subject.values(take(inputs, order))
    if not all_close(found, expected):
        raise CheckFailure(
            f"{subject.loss.name} gives example {order[worst(found, expected)]} another value when "
            f"the batch is in another order.",
            tried="8 examples, shuffled",
            cause="something that depends on a row's number: tf.range, a slice, a shuffle without "
            "its inverse, a queue.",
            inputs=take(inputs, [0, 1]),
        )
    return 8


@check("a subset gives the subset")
def subset_of_the_batch(subject: Subject) -> int:
    """The first rows alone have the values that they have among others."""
    _only_per_example(subject)

    def differs(inputs: Inputs) -> bool:
        half = max(row_count(inputs) // 2, 1)
        whole, part = subject.values(inputs), subject.values(take(inputs, slice(half)))
        return not all_close(part, whole[:half])

    tried = 0
    # At the limits too: a maximum over the batch may count from some size on only.
    for inputs in (subject.moderate(subject.width, rows=8), subject.everything(subject.width)):
        count = row_count(inputs)
        tried += count
        if differs(inputs):
            raise CheckFailure(
                f"{subject.loss.name} gives an example another value when other examples are left "
                f"out.",
                tried=f"{count} examples, and the first {count // 2} of them alone",
                cause=_COUPLED,
                inputs=smallest(inputs, differs, 2),
            )
    return tried


def _only_per_example(subject: Subject) -> None:
    if not subject.per_example:
        raise NotApplicable('it declares per="batch"')


@check("finite values")
def finite_values(subject: Subject) -> int:
    """No NaN or infinity at the limits of what its tensors take, in half precision too."""
    return finite_eager_values(subject) + _half_precision(subject)


def finite_eager_values(subject: Subject) -> int:
    """The part of `finite_values` in float32, at the subject's settings."""
    tried = 0
    for width in subject.widths:
        inputs = subject.everything(width)
        tried += row_count(inputs)
        if not np.all(np.isfinite(subject.eager(width)[0])):
            _report_infinite(subject, inputs)
    return tried


def _report_infinite(subject: Subject, inputs: Inputs) -> None:
    def infinite(given: Inputs) -> bool:
        return not np.all(np.isfinite(subject.values(given)))

    found = smallest(inputs, infinite)
    raise CheckFailure(
        f"{subject.loss.name} is {subject.values(found)}.",
        tried=f"{row_count(inputs)} examples with exact 0 and 1, ±1e4 and subnormal numbers",
        cause="log(0), 0·log(0), exp of a large logit, or a division by zero. Compute from logits "
        "(log_softmax, log_sigmoid), and floor what a logarithm gets; a tensor that cannot take "
        "such values says so with domains=.",
        inputs=found,
    )


def _half_precision(subject: Subject) -> int:
    """Half-precision tensors, which the objective turns into float32 before a loss sees them."""
    inputs = subject.everything(subject.width)
    for dtype in ("float16", "bfloat16"):
        halves = map_arrays(partial(_rounded, dtype), inputs)
        total = bound(subject, halves, dtype)(subject.loss.name).total
        direct = subject.call(as_tensors(halves, dtype))
        if not np.isfinite(total):
            raise CheckFailure(
                f"{subject.loss.name} on {dtype} tensors is {float(total)}.",
                tried=f"{row_count(inputs)} examples in {dtype}, through an Objective",
                cause="it returns to half precision inside; compute in the tensors' own dtype.",
            )
        if direct.dtype.size < 4 or not np.all(np.isfinite(direct)):
            raise CheckFailure(
                f"{subject.loss.name} called on {dtype} tensors is {np.asarray(direct)} "
                f"({direct.dtype.name}).",
                tried=f"{row_count(inputs)} examples in {dtype}, called directly",
                cause="tensors in a list, or in a structure that is not turned into float32; cast "
                "them.",
            )
    return 2 * row_count(inputs)


def _rounded(dtype: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind != "f":
        return array
    return np.asarray(tf.cast(array, dtype), np.float64)


@check("NaN is not swallowed")
def nan_not_swallowed(subject: Subject) -> int:
    """A NaN in any tensor comes out as NaN, or as an exception; never as a number."""
    inputs = subject.moderate(subject.width, rows=3)
    names = [p.name for p in subject.parameters if not p.domain.integer]
    for name, column in product(names, (0, -1)):
        spoilt = map_arrays(np.copy, inputs)
        array = spoilt[name][0] if isinstance(spoilt[name], list) else spoilt[name]
        array[(1, *[column] * (array.ndim - 1))] = np.nan
        try:
            values = subject.values(spoilt)
        except Exception:
            continue  # a complaint is what is wanted
        if np.isfinite(values[1] if subject.per_example and values.ndim else values):
            where = "first" if column == 0 else "last"
            raise CheckFailure(
                f"{subject.loss.name} makes a number of a NaN in '{name}': {values}.",
                tried=f"3 examples, NaN in the second row of '{name}', {where} column",
                cause="tf.where, a comparison or a nan_to_num hides it; then training goes on with "
                "broken data and nobody notices.",
                inputs=take(spoilt, [1]),
            )
    return 6 * len(names)


@check("inputs are not changed")
def inputs_not_changed(subject: Subject) -> int:
    """Variables and lists that it is given have the same values afterwards."""
    inputs = subject.moderate(subject.width)
    given = map_arrays(lambda tensor: tf.Variable(tensor), as_tensors(inputs))
    before = map_arrays(lambda variable: variable.numpy(), given)
    subject.call(given)
    for name, value in given.items():
        now, then = tf.nest.flatten(value), tf.nest.flatten(before[name])
        if len(now) != len(then) or any(
            not np.array_equal(a, b) for a, b in zip(now, then, strict=True)
        ):
            raise CheckFailure(
                f"{subject.loss.name} changes its tensor '{name}'.",
                tried=f"{row_count(inputs)} examples as tf.Variable",
                cause="assign, or a list method such as sort, pop or append, on what it was given; "
                "work on a copy.",
                inputs=take(inputs, [0]),
            )
    return row_count(inputs)


@check("examples without weight do not count")
def weightless_do_not_count(subject: Subject) -> int:
    """In a loss per batch, an example of weight 0 changes nothing, there or not: it is missing."""
    if subject.per_example or "sample_weight" not in subject.loss.signature.positional:
        raise NotApplicable("it does not ask for sample_weight")
    inputs, other = subject.moderate(subject.width), subject.moderate(subject.width, seed=1)
    weight = np.where(np.arange(row_count(inputs)) < 3, inputs["sample_weight"], 0.0)
    keep = np.arange(row_count(inputs)) < 3
    changed = {
        n: v
        if isinstance(v, list)
        else np.where(keep.reshape(-1, *[1] * (v.ndim - 1)), v, other[n])
        for n, v in inputs.items()
    }
    whole = {**inputs, "sample_weight": weight}
    one = subject.values(whole)
    others = {
        "differ only in examples of weight 0": {**changed, "sample_weight": weight},
        "have and lack examples of weight 0": take(whole, slice(3)),
        "have numbers and NaN in examples of weight 0": _spoilt(whole, keep),
    }
    for what, other_batch in others.items():
        two = subject.values(other_batch)
        if not all_close(one, two):
            raise CheckFailure(
                f"{subject.loss.name} is {one} and {two} for batches that {what}.",
                tried="6 examples, the last 3 with sample_weight 0: with other values, and left "
                "out",
                cause="sample_weight is a parameter but is not multiplied in everywhere, or a mean "
                "divides by the number of rows instead of the sum of the weights.",
                inputs=take(whole, [2, 3]),
            )
    _expect_nothing(subject, {**inputs, "sample_weight": 0 * inputs["sample_weight"]})
    return row_count(inputs)


def _spoilt(inputs: Inputs, keep: np.ndarray) -> Inputs:
    """The inputs with NaN in every floating tensor's rows that are not kept."""

    def spoilt(name: str, value: Any) -> Any:
        if isinstance(value, list) or name == "sample_weight" or value.dtype.kind != "f":
            return value
        return np.where(keep.reshape(-1, *[1] * (value.ndim - 1)), value, np.nan)

    return {name: spoilt(name, value) for name, value in inputs.items()}


def _expect_nothing(subject: Subject, inputs: Inputs) -> None:
    """A batch in which no example has a weight costs nothing."""
    value = subject.values(inputs)
    if not abs(float(value)) < 1e-6:
        raise CheckFailure(
            f"{subject.loss.name} is {value} for a batch without weight, not 0.",
            tried=f"{row_count(inputs)} examples, all of sample_weight 0",
            cause="a constant that does not depend on the batch, or a division by a sum of "
            "weights that is zero: tfloss.ops.zero_without_weight(value, weight).",
            inputs=take(inputs, [0]),
        )


@check("weighted once")
def weighted_once(subject: Subject) -> int:
    """A loss per example leaves sample_weight to the objective, which multiplies by it."""
    if not subject.per_example or "sample_weight" not in subject.loss.signature.positional:
        raise NotApplicable("it does not ask for sample_weight")
    inputs = subject.moderate(subject.width)
    heavier = {**inputs, "sample_weight": 2 * inputs["sample_weight"]}
    if not all_close(subject.values(inputs), subject.values(heavier)):
        raise CheckFailure(
            f"{subject.loss.name} has other values where every sample_weight is doubled.",
            tried=f"{row_count(inputs)} examples, with weights and with twice the weights",
            cause="it multiplies by sample_weight, and so does the objective: each example would "
            'count by the square of its weight. Leave it out, or say per="batch".',
            inputs=take(inputs, [0]),
        )
    return row_count(inputs)
