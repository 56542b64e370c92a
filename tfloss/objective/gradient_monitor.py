"""The gradients of a formula's terms, measured now and then while it is trained on.

A measurement takes one backward pass for each term. Between two measurements the last one is logged
again, so that what is logged of an epoch is the mean over its steps of what was known then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from tfloss.errors import UsageError, listed
from tfloss.formula import parse_short_text
from tfloss.lazy import keras, tf
from tfloss.objective.gradients import gradients_of, gramian_of
from tfloss.objective.loss_variables import LATEST, State


@dataclass(frozen=True)
class GradientMonitor:
    """Measures the gradient of each weighted term by all trainable weights.

    Logged next to the terms are `gradient(TERM)`, its Euclidean norm, and `cosine(TERM, TERM)` of
    every two: below 0 they pull against each other.

        tfloss.fit("bce + 0.1*abs_kl", data, teacher="gpc", watch=tfloss.GradientMonitor(every=20))
        model = tfloss.attach(model, "bce + l2", watch="gradients")

    Args:
        every: steps from one measurement to the next. Of m terms one costs a forward pass and m
            backward passes.

    Raises:
        UsageError: no whole number from 1 on.
    """

    every: int = 10

    def __post_init__(self) -> None:
        whole = isinstance(self.every, int) and not isinstance(self.every, bool)
        if not whole or self.every < 1:
            raise UsageError(f"every of watch is {self.every!r}; it must be a number of steps.")

    def __str__(self) -> str:
        """As a text that `of` reads."""
        return f"gradients:every={self.every}"

    @classmethod
    def of(cls, watch: GradientMonitor | str | None) -> GradientMonitor | None:
        """What `watch=` means: a monitor, 'gradients', 'gradients:every=20', or None.

        Raises:
            UsageError: something else.
        """
        if watch is None or isinstance(watch, cls):
            return watch
        if not isinstance(watch, str):
            raise UsageError(f"watch is {watch!r}; it can be 'gradients' or a GradientMonitor.")
        wanted = parse_short_text(watch, what="watch")
        known = asdict(cls())
        if wanted.name != "gradients" or wanted.values or not set(wanted.settings) <= set(known):
            raise UsageError(
                f"watch cannot be '{watch}'; write gradients or gradients:every=20 "
                f"(settings: {listed(known)})."
            )
        return cls(**wanted.settings)


def names_of(terms: Sequence[str]) -> tuple[str, ...]:
    """What is logged of these terms, in order."""
    norms = [norm_name(term) for term in terms]
    return (*norms, *(cosine_name(*pair) for pair in combinations(terms, 2)))


def norm_name(term: str) -> str:
    """'gradient(bce)'."""
    return f"gradient({term})"


def cosine_name(one: str, other: str) -> str:
    """'cosine(bce, kl)'."""
    return f"cosine({one}, {other})"


def measured(
    monitor: GradientMonitor,
    terms: Callable[[], Sequence[Any]],
    variables: Callable[[], Sequence[Any]],
    state: State,
    step: Any,
    training: bool,
) -> list[Any]:
    """What is logged in this step, scalars in the order of `names_of`.

    Args:
        monitor: how often it measures.
        terms: computes the weighted terms, scalars, where they are measured, since TensorFlow
            cannot take gradients within a branch of what lies outside of it.
        variables: the weights.
        state: holds the last measurement.
        step: float32 scalar, counted from 0.
        training: a holdout is not measured; the last measurement counts.

    Raises:
        UsageError: the step is not compiled.
    """

    def now() -> Any:
        # Nothing that a layer or a loss keeps changes by a measurement.
        with keras.StatelessScope():
            rows = gradients_of(terms(), variables(), "watch= measures gradients")
        gramian = gramian_of(rows)
        norms = tf.sqrt(tf.maximum(tf.linalg.diag_part(gramian), 0.0))
        cosines = gramian
        for side in (norms[:, None], norms[None, :]):  # one after the other: squares are small
            cosines = tf.math.divide_no_nan(cosines, side)
        pairs = list(combinations(range(len(rows)), 2))
        return tf.concat([norms, *([tf.gather_nd(cosines, pairs)] if pairs else [])], 0)

    latest = state[LATEST]
    if training:
        due = tf.equal(tf.math.floormod(step, float(monitor.every)), 0.0)
        last = latest
        latest = tf.stop_gradient(tf.cond(due, now, lambda: last))
        state.update(LATEST, latest)
    return list(tf.unstack(latest))
