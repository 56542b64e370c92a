"""The body that every way of training shares: one step, and a loop over stacked batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np

from tfloss.errors import UsageError
from tfloss.lazy import tf
from tfloss.training.program.forward import Measure

T = TypeVar("T")

NEVER = np.iinfo(np.int32).max

# What a pass over stacked batches reads at a time; bounds the memory of gathering ahead.
BLOCK_BYTES = 32 * 2**20


# What happens at a step that is taken back: nothing changes any more, or the next step follows.
Care = Literal["stop", "skip"]


class Watch(NamedTuple):
    """What a loop keeps an eye on, as tensors.

    Attributes:
        sums: (1 + terms,) float32: the total and each term, summed over rows.
        step: int32, steps done.
        bad_step: int32, the first step whose total was not finite, or `NEVER`.
        bad_values: (1 + terms,) float32, its total and terms.
        taken_back: int32, how many steps `Steps.careful` has taken back.
        left_out: float32, rows of those steps, which are not in the sums.
        finite: bool, whether all weights are, at the end of the call.
    """

    sums: Any
    step: Any
    bad_step: Any
    bad_values: Any
    taken_back: Any
    left_out: Any
    finite: Any


Take = Callable[[Mapping[str, Any], Watch], tuple[Any, Watch]]  # one step


class Steps:
    """Changes the weights, batch by batch; its methods are traced into larger programs.

    Attributes:
        measure: the student and the objective.
        optimizer: a Keras optimizer.
        variables: what is trained; the only place that lists it.
        batch_size: rows per step; set by those who know the data, as is the next.
        steps_per_epoch: of the data.

    Raises:
        UsageError: the model was built for several devices.
    """

    batch_size: int
    steps_per_epoch: int

    def __init__(self, measure: Measure, optimizer: Any) -> None:
        self.measure = measure
        self.optimizer = optimizer
        self.variables = measure.trainable_variables
        self.width = 1 + len(measure.names)
        _refuse_strategy(self.variables)
        optimizer.build(self.variables)
        self._state = [*measure.variables, *optimizer.variables]

    def start(self, step: Any) -> Watch:
        """Nothing summed, nothing bad."""
        zeros = tf.constant(np.zeros(self.width, np.float32))
        none, no_rows, fine = tf.constant(0), tf.constant(0.0), tf.constant(True)
        return Watch(zeros, step, tf.constant(NEVER), zeros, none, no_rows, fine)

    def end(self, watch: Watch) -> Watch:
        """What every call that trains does last: look at the weights, all at once."""
        return watch._replace(finite=self._weights_are_finite())

    def one(self, batch: Mapping[str, Any], watch: Watch) -> tuple[Any, Watch]:
        """Forward, objective, gradients, update; the values are those before the update."""
        with tf.GradientTape() as tape:
            total, terms = self.measure(batch, watch.step, training=True)
            scaled = self.optimizer.scale_loss(total)  # for float16; as it is otherwise
        gradients = tape.gradient(scaled, self.variables)
        self.optimizer.apply(gradients, self.variables)
        values = tf.concat([[total], terms], 0)
        rows = tf.cast(tf.shape(batch["inputs"])[0], tf.float32)
        first = ~tf.math.is_finite(total) & (watch.bad_step == NEVER)
        return values, watch._replace(
            sums=watch.sums + values * rows,
            step=watch.step + 1,
            bad_step=tf.where(first, watch.step, watch.bad_step),
            bad_values=tf.where(first, values, watch.bad_values),
        )

    def careful(self, batch: Mapping[str, Any], watch: Watch, *, go_on: bool) -> tuple[Any, Watch]:
        """The same, taken back where the total or a weight would not be finite.

        Args:
            batch: the rows.
            watch: what was seen before.
            go_on: whether other steps may follow one that was taken back.
        """
        allowed = True if go_on else watch.bad_step == NEVER
        (values, after), fine = undone_unless_finite(
            lambda: self.one(batch, watch),
            total=lambda result: result[0][0],
            state=self._state,
            weights=self.measure.weights,
            allowed=allowed,
        )
        first = ~fine & (watch.bad_step == NEVER)
        rows = tf.cast(tf.shape(batch["inputs"])[0], tf.float32)
        return values, after._replace(
            sums=tf.where(fine, after.sums, watch.sums),
            bad_step=tf.where(first, watch.step, watch.bad_step),
            bad_values=tf.where(first, values, watch.bad_values),
            taken_back=watch.taken_back + tf.cast(~fine, tf.int32),
            left_out=watch.left_out + tf.where(fine, 0.0, rows),
        )

    def take(self, care: Care | None) -> Take:
        """The step that takes so much care."""
        return self.one if care is None else partial(self.careful, go_on=care == "skip")

    def over(
        self,
        stacked: Mapping[str, Any],
        count: Any,
        watch: Watch,
        *,
        start: Any = 0,
        take: Take,
    ) -> Watch:
        """A step for each of the stacked batches, (batches, rows, …), from `start` up to `count`.

        The loop slices batches that lie side by side. Gathering scattered rows inside of it would
        let XLA count the whole table as touched by every pass; see `tfloss.training.program.xla`.
        """

        def one(number: Any, *watch: Any) -> tuple[Any, ...]:
            batch = {name: column[number] for name, column in stacked.items()}
            return number + 1, *take(batch, Watch(*watch))[1]

        if isinstance(count, int) and count == 1:
            return Watch(*one(start, *watch)[1:])
        _, *after = tf.while_loop(
            lambda number, *_: number < count,
            one,
            (tf.convert_to_tensor(start), *watch),
            parallel_iterations=1,
        )
        return Watch(*after)

    # -- going back ------------------------------------------------------------------------------

    def snapshot(self) -> list[Any]:
        """The values of everything that a step changes, as tensors.

        Nothing is copied here: TensorFlow does, where a variable changes whose value is still held.
        Read without the ceremony of `tf.Variable`, which takes a thousandth of a second for ten.
        """
        variables = [variable.value for variable in self._state]
        return [tf.raw_ops.ReadVariableOp(resource=v.handle, dtype=v.dtype) for v in variables]

    def restore(self, values: list[Any]) -> None:
        """Put back a snapshot."""
        for variable, value in zip(self._state, values, strict=True):
            variable.assign(value)

    def finish(self) -> None:
        """What Keras optimizers do after the last step: averaged weights become the weights."""
        self.optimizer.finalize_variable_values(self.variables)

    def _weights_are_finite(self) -> Any:
        return are_finite(self.measure.weights)

    @property
    def work_per_step(self) -> int:
        """Multiply-adds of one forward pass and its gradients, roughly."""
        return 3 * self.batch_size * sum(int(np.prod(v.shape)) for v in self.variables)


def undone_unless_finite(
    step: Callable[[], T],
    *,
    total: Callable[[T], Any],
    state: Iterable[Any],
    weights: Iterable[Any],
    allowed: Any = True,
) -> tuple[T, Any]:
    """Take a step, and put everything back that it changed where it is not finite.

    Every way of training that keeps NaN out of the weights goes through here, in the program.

    Args:
        step: changes the state; traced once.
        total: the loss, of what `step` returned.
        state: every variable that the step changes.
        weights: the variables that have to be finite afterwards.
        allowed: bool tensor; False puts everything back in any case.

    Returns:
        what `step` returned, and whether its changes were kept, a bool tensor.
    """
    state = list(state)
    before = [tf.identity(variable.value) for variable in state]
    result = step()
    fine = tf.math.is_finite(total(result)) & are_finite(weights) & allowed
    for variable, old in zip(state, before, strict=True):
        variable.assign(tf.where(fine, variable.value, old))
    return result, fine


def are_finite(variables: Iterable[Any]) -> Any:
    """Whether all values of these variables are, a bool tensor."""
    floats = _floats(variables)
    return tf.reduce_all([tf.reduce_all(tf.math.is_finite(v.value)) for v in floats])


def _refuse_strategy(variables: Iterable[Any]) -> None:
    for variable in variables:
        strategy = getattr(variable.value, "distribute_strategy", None)
        if strategy is not None:
            raise UsageError(
                f"The model was built under a {type(strategy).__name__}, but this loop trains on "
                f"one device; build it outside, or train it by tfloss.attach and Keras' fit."
            )


def _floats(variables: Iterable[Any]) -> list[Any]:
    """Those that can be other than finite."""
    return [variable for variable in variables if "float" in str(variable.dtype)]
