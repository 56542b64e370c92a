"""The train step that every way of training shares, and a loop over stacked batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np

from tfloss.lazy import tf
from tfloss.training.options import Compile
from tfloss.training.program.batch import Batch
from tfloss.training.program.choose_compiler import (
    Choice,
    choose,
    choose_for_replicas,
    ops_of,
)
from tfloss.training.program.forward import ForwardLoss
from tfloss.training.program.optimizers import build_optimizer
from tfloss.training.program.replication import (
    Replication,
    Share,
    drifting,
    lets_stand_in,
    outside_of_scopes,
    refuse_other_devices,
    value_of,
    warn_of_own_batches,
)
from tfloss.training.program.work import work_of

T = TypeVar("T")

NEVER = np.iinfo(np.int32).max

# What a pass over stacked batches reads at a time; bounds the memory of gathering in advance.
BLOCK_BYTES = 32 * 2**20


# What follows a step that was rolled back: nothing changes any more, or the next step.
NanPolicy = Literal["stop", "skip"]


class TrainState(NamedTuple):
    """What a loop accumulates next to the variables, as tensors.

    Where replicates are trained at once (`TrainStep.lead`), each has a value of its own, except for
    `step`: `sums` is (R, 1 + terms), `bad_step` (R,), and so on.

    Attributes:
        sums: (1 + terms,) float32: the total and each term, summed over rows.
        step: int32, steps done.
        bad_step: int32, the first step whose total was not finite, or `NEVER`.
        bad_values: (1 + terms,) float32, its total and terms.
        rolled_back: int32, how many steps `TrainStep.guarded_step` has rolled back.
        skipped_rows: float32, rows of those steps, which are not in the sums.
        finite: bool, whether all weights are, at the end of the call.
    """

    sums: Any
    step: Any
    bad_step: Any
    bad_values: Any
    rolled_back: Any
    skipped_rows: Any
    finite: Any


StepFn = Callable[[Batch, TrainState], tuple[Any, TrainState]]  # one step


class TrainStep:
    """Changes the weights, batch by batch; its methods are traced into larger programs.

    Attributes:
        forward: the model and its loss.
        optimizer: a Keras optimizer.
        variables: what is trained; the only place that lists it.
        batch_size: rows per step; set by those who know the data, as are the next.
        rows: of an epoch.
        steps_per_epoch: of the data.
        layout: their columns, as specs.
        choice: how the programs are compiled, and why.
        lead: () for one model; (R,) where R of them, stacked, are trained at once.
        replication: how a step is spread over replicas; None on one device.

    Raises:
        UsageError: the model or the optimizer was made for other devices.
    """

    batch_size: int
    rows: int
    steps_per_epoch: int
    layout: Batch
    choice: Choice
    lead: tuple[int, ...] = ()
    _ops: frozenset[str] | None = None

    def __init__(
        self, forward: ForwardLoss, optimizer: Any, replication: Replication | None = None
    ) -> None:
        several = replication is not None and replication.count > 1
        self.replication = replication if several else None
        self.forward = forward
        self.optimizer = optimizer
        self.variables = forward.trainable_variables
        self.width = 1 + len(forward.names)
        refuse_other_devices(self.variables, optimizer, replication)
        if replication is None:
            build_optimizer(optimizer, self.variables)
        else:
            optimizer.build(self.variables)
        self._per_row = work_of(getattr(forward, "network", None), self.variables)
        self._state = [*forward.variables, *optimizer.variables]
        if self.replication is not None:
            warn_of_own_batches(forward)

    @property
    def compiled_as(self) -> str:
        """How its programs are compiled: 'xla', 'graph' or 'eager'."""
        raise NotImplementedError

    @property
    def compiled_because(self) -> str:
        """Why, in one clause."""
        fell_back = self.compiled_as != self.choice.compiled_as
        return "nothing else could compile it" if fell_back else self.choice.reason

    def chosen(self, compile: Compile, work: int | None, before: str | None = None) -> Choice:
        """How a training of so many steps should be compiled: see `choose_compiler.choose`."""
        if self.replication is not None:
            return choose_for_replicas(compile, self.replication.count)
        return choose(compile, work, self._operations, before)

    def _operations(self) -> frozenset[str]:
        """Of one step."""
        if self._ops is None:

            def one(leaves: list[Any]) -> Any:
                batch = self.layout.with_leaves(leaves)
                return self.train_step(batch, self.start(tf.constant(0)))

            self._ops = ops_of(one, [self.layout.specs(self.batch_size).leaves()])
        return self._ops

    def start(self, step: Any) -> TrainState:
        """Nothing summed, nothing bad."""
        lead = self.lead
        zeros = tf.constant(np.zeros((*lead, self.width), np.float32))
        none, no_rows = tf.constant(0, shape=lead), tf.constant(0.0, shape=lead)
        never, fine = tf.constant(NEVER, shape=lead), tf.constant(True, shape=lead)
        return TrainState(zeros, step, never, zeros, none, no_rows, fine)

    def end(self, state: TrainState) -> TrainState:
        """What every call that trains does last: look at the weights, all at once."""
        return state._replace(finite=self._weights_are_finite())

    def averages(self, state: TrainState) -> Any:
        """The total and each term over the rows of an epoch that count."""
        return state.sums / (self.rows - state.skipped_rows)[..., None]

    def train_step(self, batch: Batch, state: TrainState) -> tuple[Any, TrainState]:
        """Forward, loss, gradients, update; the values are those before the update."""
        values, gradients = self.gradients(batch, state.step)
        with outside_of_scopes():
            self.optimizer.apply(gradients, self.variables)
        first = ~tf.math.is_finite(values[..., 0]) & (state.bad_step == NEVER)
        return values, state._replace(
            sums=state.sums + values * self._rows(batch),
            step=state.step + 1,
            bad_step=tf.where(first, state.step, state.bad_step),
            bad_values=tf.where(first[..., None], values, state.bad_values),
        )

    def gradients(self, batch: Batch, step: Any) -> tuple[Any, list[Any]]:
        """The total and terms, (*lead, 1 + terms), and the gradient of each trained variable."""
        # For float16 the optimizer scales the loss; it is as it is otherwise.
        scale, forward = self.optimizer.scale_loss, self.forward
        if self.replication is None:
            return values_and_gradients(forward, self.variables, batch, step, scale)

        def of(share: Share) -> tuple[Any, list[Any]]:
            found = values_and_gradients(forward, self.variables, batch, step, scale, share)
            return share.agreed(*found, drifting(forward))  # type: ignore[no-any-return]

        rows = int(batch.tensors["inputs"].shape[0])
        return self.replication.run(of, rows, stand_in=lets_stand_in(forward))

    def guarded_step(
        self, batch: Batch, state: TrainState, *, policy: NanPolicy
    ) -> tuple[Any, TrainState]:
        """The same, rolled back where the total or a weight would not be finite.

        Args:
            batch: the rows.
            state: at the end of the step before.
            policy: 'stop': nothing changes after a step that was rolled back; 'skip': the next
                step follows.
        """
        (values, after), fine = rolled_back_unless_finite(
            lambda: self.train_step(batch, state),
            total=lambda result: result[0][0],
            state=self._state,
            weights=self.forward.weights,
            allowed=True if policy == "skip" else state.bad_step == NEVER,
        )
        first = ~fine & (state.bad_step == NEVER)
        return values, after._replace(
            sums=tf.where(fine, after.sums, state.sums),
            bad_step=tf.where(first, state.step, state.bad_step),
            bad_values=tf.where(first, values, state.bad_values),
            rolled_back=state.rolled_back + tf.cast(~fine, tf.int32),
            skipped_rows=state.skipped_rows + tf.where(fine, 0.0, self._rows(batch)),
        )

    def step_fn(self, policy: NanPolicy | None) -> StepFn:
        """The step under a policy; None: unguarded."""
        return self.train_step if policy is None else partial(self.guarded_step, policy=policy)

    def over(
        self,
        stacked: Batch,
        count: Any,
        state: TrainState,
        *,
        start: Any = 0,
        step_fn: StepFn,
    ) -> TrainState:
        """A step for each of the stacked batches, (batches, rows, …), from `start` up to `count`.

        The loop slices batches that lie side by side. Gathering scattered rows inside of it would
        let XLA count the whole table as touched by every pass; see `tfloss.training.program.xla`.
        """

        def one(number: Any, *state: Any) -> tuple[Any, ...]:
            batch = stacked.map(lambda column: column[number])
            return number + 1, *step_fn(batch, TrainState(*state))[1]

        if isinstance(count, int) and count == 1:
            return TrainState(*one(start, *state)[1:])
        _, *after = tf.while_loop(
            lambda number, *_: number < count,
            one,
            (tf.convert_to_tensor(start), *state),
            parallel_iterations=1,
        )
        return TrainState(*after)

    # -- going back ------------------------------------------------------------------------------

    def snapshot(self) -> list[Any]:
        """The values of everything that a step changes, as tensors.

        Nothing is copied here: TensorFlow does, where a variable changes whose value is still held.
        Read without the ceremony of `tf.Variable`, which takes a thousandth of a second for ten.
        """
        return [value_of(variable) for variable in self._state]

    def restore(self, values: list[Any]) -> None:
        """Put back a snapshot."""
        for variable, value in zip(self._state, values, strict=True):
            variable.assign(value)

    def finish(self) -> None:
        """What Keras optimizers do after the last step: averaged weights become the weights."""
        self.optimizer.finalize_variable_values(self.variables)

    def _weights_are_finite(self) -> Any:
        return are_finite(self.forward.weights, len(self.lead))

    def _rows(self, batch: Batch) -> Any:
        return tf.cast(tf.shape(batch.tensors["inputs"])[len(self.lead)], tf.float32)

    @property
    def work_per_step(self) -> int:
        """Multiply-adds of one forward pass and its gradients, roughly."""
        return 3 * self.batch_size * self._per_row.multiply_adds

    @property
    def passes_per_step(self) -> int:
        """Of the longest loop in a step: 1 without recurrent layers."""
        return self._per_row.passes


def values_and_gradients(
    forward: ForwardLoss,
    variables: Sequence[Any],
    batch: Batch,
    step: Any,
    scale: Callable[[Any], Any] = lambda total: total,
    share: Share | None = None,
) -> tuple[Any, list[Any]]:
    """The forward pass and the gradients of the step of one model.

    Args:
        forward: the model and its loss. In a `keras.StatelessScope` the values there count.
        variables: what is trained.
        batch: the rows.
        step: steps done so far, for schedules.
        scale: applied to the total before gradients are taken.
        share: what this replica has of the batch; None on one device.

    Returns:
        (1 + terms,), the total and each term; and the gradient of each of `variables`, None where
        the total does not depend on it. Of a replica: what it adds to the gradient.
    """
    weights = [variable.value for variable in variables]
    more = {} if share is None else {"share": share}
    with tf.GradientTape() as tape:
        tape.watch(weights)
        total, terms = forward(batch, step, training=True, **more)
        # Before the gradients, which could overflow in half precision, and not after.
        scaled = scale(total) if share is None else scale(total) / share.count
    return tf.concat([[total], terms], 0), tape.gradient(scaled, weights)


def rolled_back_unless_finite(
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

    def put_back() -> Any:
        for variable, old in zip(state, before, strict=True):
            variable.assign(old)
        return tf.constant(False)

    # Only a bad step pays for it: choosing value by value costs small networks a fifth of a step.
    tf.cond(fine, lambda: tf.constant(True), put_back)
    return result, fine


def are_finite(variables: Iterable[Any], axes: int = 0) -> Any:
    """Whether all values of these variables are, a bool tensor.

    `axes`: how many leading axes stay apart, since each of their places is a model of its own.
    """
    each = [
        tf.reduce_all(tf.math.is_finite(v.value), axis=list(range(axes, len(v.shape))))
        for v in floats_of(variables)
    ]
    return tf.reduce_all(each, axis=0)


def floats_of(variables: Iterable[Any]) -> list[Any]:
    """Those that can be other than finite."""
    return [variable for variable in variables if "float" in str(variable.dtype)]
