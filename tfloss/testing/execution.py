"""The same values and gradients however they are computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tfloss.errors import first_line
from tfloss.lazy import tf
from tfloss.testing.checks import check
from tfloss.testing.compare import all_close
from tfloss.testing.in_objective import as_text, bound, given_to_objective, objective
from tfloss.testing.inputs import Inputs, joined, map_arrays, row_count, take
from tfloss.testing.replicas import on_two_replicas
from tfloss.testing.results import CheckFailure, NotApplicable
from tfloss.testing.subject import Subject, as_tensors

_DATA = ("labels", "sample_weight")
_TRACED = (
    "Python that looks at a tensor's value (if, numpy, bool), a static batch size where it is not "
    "known (use tf.shape), or something computed while tracing."
)


@check("the same in a graph")
def same_in_a_graph(subject: Subject) -> int:
    """tf.function gives the eager values and gradients, also when the batch size is not known."""
    return _same_when_compiled(subject, "in a graph whose batch size is not known", _open_graph)


@check("the same under XLA")
def same_under_xla(subject: Subject) -> int:
    """A program compiled by XLA gives the eager values and gradients."""
    return _same_when_compiled(subject, "compiled by XLA", _xla)


def _open_graph(subject: Subject, tensors: list[Inputs]) -> Any:
    def spec(tensor: Any, batch: bool) -> Any:
        return tf.TensorSpec([None, *tensor.shape[1:]] if batch else tensor.shape, tensor.dtype)

    specs = [
        {
            n: [spec(t, False) for t in v] if isinstance(v, list) else spec(v, True)
            for n, v in given.items()
        }
        for given in tensors
    ]
    program = tf.function(_of_each(subject), autograph=False, input_signature=[specs])
    return program(tensors)


def _xla(subject: Subject, tensors: list[Inputs]) -> Any:
    return tf.function(_of_each(subject), autograph=False, jit_compile=True)(tensors)


def _of_each(subject: Subject) -> Callable[[Any], Any]:
    """Values and gradients of several widths in one program, as compiling once is cheap."""
    return lambda several: [subject.with_gradients(tensors) for tensors in several]


def _same_when_compiled(subject: Subject, how: str, run: Callable[..., Any]) -> int:
    widths = sorted({subject.widths[0], subject.width, subject.widths[-1]})
    several = [subject.everything(width) for width in widths]
    tried = sum(map(row_count, several))
    try:
        found = run(subject, [as_tensors(inputs) for inputs in several])
    except Exception as error:
        raise CheckFailure(
            f"{subject.loss.name} fails {how}: {type(error).__name__}: {first_line(error)[:300]}",
            tried=f"{tried} examples {how}",
            cause=_TRACED,
        ) from error
    for width, inputs, result in zip(widths, several, found, strict=True):
        _compare(subject, inputs, result, subject.eager(width), how)
    return tried


def _compare(subject: Subject, inputs: Inputs, found: Any, expected: Any, how: str) -> None:
    for what, ours, eager in _pairs(found, expected):
        # Where eager is not finite another check speaks; the two may then differ in how.
        sound = np.isfinite(eager)
        if not all_close(
            np.where(sound, ours, 0), np.where(sound, eager, 0), relative=2e-4, absolute=2e-5
        ):
            off = np.argwhere(
                ~np.isclose(np.where(sound, ours, 0), np.where(sound, eager, 0), 2e-4)
            )
            row = int(off[0][0]) if len(off) and eager.ndim and what != "weights" else 0
            raise CheckFailure(
                f"{subject.loss.name} {how} has another {what}: {np.ravel(ours[row])[:3]} instead "
                f"of {np.ravel(eager[row])[:3]}."
                if eager.ndim
                else f"{subject.loss.name} {how} has another {what}: {ours} instead of {eager}.",
                tried=f"{row_count(inputs)} examples, eagerly and {how}",
                cause=_TRACED + " Numbers below 1e-38 are flushed to zero by XLA.",
                inputs=take(inputs, [row]),
            )


def _pairs(found: Any, expected: Any) -> list[tuple[str, np.ndarray, np.ndarray]]:
    pairs = [("value", np.asarray(found[0]), np.asarray(expected[0]))]
    for name, gradient in expected[1].items():
        if name in _DATA:  # nobody asks for these gradients
            continue
        for ours, eager in zip(
            tf.nest.flatten(found[1][name]), tf.nest.flatten(gradient), strict=True
        ):
            pairs.append((f"gradient of '{name}'", np.asarray(ours), np.asarray(eager)))
    return pairs


@check("the same under tf.vectorized_map")
def same_when_vectorized(subject: Subject) -> int:
    """Several batches at once, as replicates are trained, give what each gives alone."""
    batches = [subject.moderate(subject.width, rows=2, seed=seed) for seed in range(3)]
    alone = np.stack([subject.values(batch) for batch in batches])
    stacked = {
        name: [np.stack(parts) for parts in zip(*(b[name] for b in batches), strict=True)]
        if isinstance(batches[0][name], list)
        else np.stack([batch[name] for batch in batches])
        for name in batches[0]
    }
    try:
        found = tf.vectorized_map(subject.call, as_tensors(stacked), warn=False)
    except Exception as error:
        raise CheckFailure(
            f"{subject.loss.name} fails under tf.vectorized_map: {type(error).__name__}: "
            f"{first_line(error)[:300]}",
            tried="3 batches of 2 examples at once",
            cause="an operation that cannot be vectorized (a while loop over the batch, "
            "py_function); say it with tensor operations.",
        ) from error
    if not all_close(found, alone):
        raise CheckFailure(
            f"{subject.loss.name} gives {np.asarray(found).tolist()} instead of {alone.tolist()}.",
            tried="3 batches of 2 examples at once",
            cause="an axis counted from the front where it should be from the back, or Python "
            "state that is shared between calls.",
            inputs=batches[0],
        )
    return 6


@check("the same on two replicas")
def same_on_two_replicas(subject: Subject) -> int:
    """Each of two replicas computes for its rows what one device computes for them."""
    halves = [subject.moderate(subject.width, rows=4, seed=seed) for seed in (3, 4)]
    expected = [subject.with_gradients(as_tensors(half)) for half in halves]
    found = on_two_replicas(subject.with_gradients, [as_tensors(half) for half in halves])
    if found is None:
        return _halves_make_the_whole(subject, halves)
    for half, ours, one in zip(halves, found, expected, strict=True):
        for what, there, here in _pairs(ours, one):
            if not all_close(there, here):
                raise CheckFailure(
                    f"{subject.loss.name} on a replica has another {what}: "
                    f"{np.ravel(there)[:3]} instead of {np.ravel(here)[:3]}.",
                    tried="4 examples on each of two logical CPU devices",
                    cause="it divides by the number of replicas, or reduces over them; tfloss "
                    "averages over the examples of all replicas itself.",
                    inputs=take(half, [0]),
                )
    return 8


def _halves_make_the_whole(subject: Subject, halves: list[Inputs]) -> int:
    """Where TensorFlow has started with one CPU device: what two replicas add up to."""
    if not subject.per_example:
        raise NotApplicable(
            "TensorFlow had started with one CPU device before the kit could ask for two"
        )
    whole = bound(subject, joined(*halves))(subject.loss.name).total
    parts = [bound(subject, half)(subject.loss.name).total for half in halves]
    if not all_close(whole, sum(parts) / 2):
        raise CheckFailure(
            f"The mean of {subject.loss.name} over 8 examples is {float(whole):.6g}, but of two "
            f"halves it is {float(sum(parts) / 2):.6g}.",
            tried="8 examples, and the means of both halves",
            cause='it looks at other examples of the batch; then it must say per="batch".',
            inputs=take(halves[0], [0]),
        )
    return 8


@check("linear in its coefficient")
def linear_in_its_coefficient(subject: Subject) -> int:
    """In a formula, 3*loss has three times the value and three times the gradient."""
    inputs = subject.moderate(subject.width)
    tensors = as_tensors(inputs)
    names = [p.name for p in subject.differentiable]

    def outcome(formula: str) -> tuple[Any, dict[str, Any]]:
        with tf.GradientTape() as tape:
            floats = {name: tensors[name] for name in names}
            tape.watch(floats)
            total = objective(subject, formula)(given_to_objective(tensors)).total
        return total, tape.gradient(total, floats, unconnected_gradients="zero")

    name = as_text(subject.loss.name, subject.settings)
    once = outcome(name)
    tripled = (3 * once[0], map_arrays(lambda gradient: 3 * gradient, once[1]))
    for what, ours, expected in _pairs(outcome(f"3*{name}"), tripled):
        if not all_close(ours, expected):
            raise CheckFailure(
                f"The {what} of 3*{subject.loss.name} is {np.ravel(ours)[:3]}, not "
                f"{np.ravel(expected)[:3]}.",
                tried=f"{row_count(inputs)} examples, in the formulas '{name}' and '3*{name}'",
                cause="a custom gradient that does not multiply by what comes from above "
                "(upstream), or a value that differs between calls: random numbers, a counter.",
                inputs=take(inputs, [0]),
            )
    return 2 * row_count(inputs)
