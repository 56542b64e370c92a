"""A train step spread over the replicas of a `tf.distribute` strategy.

There is one loop and one step, on one device as on many: the step asks each replica for the
gradients of its rows and updates the weights as ever. A replica has a slice of every batch, the
batch's size being that of all replicas together, and a slice can be empty. What it has to know of
the others' rows is exchanged within the forward pass (`tfloss.objective.across_replicas`), and the
gradients are averaged after it. Whatever follows, clipping, schedules, the guard against NaN, sees
the numbers of the whole batch.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from tfloss.errors import UsageError, listed
from tfloss.lazy import keras, tf
from tfloss.student.keras_internals import batches_done, sublayers
from tfloss.training.program.batch import Batch
from tfloss.training.program.random_numbers import drawn_for_whole_batches

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

_here = threading.local()  # replicas are traced in threads of their own


@dataclass(frozen=True)
class Replication:
    """How steps are spread over replicas.

    Attributes:
        strategy: a `tf.distribute.Strategy`.
        gathers: whether losses about the whole batch see the rows of all replicas.
    """

    strategy: Any
    gathers: bool = True

    @property
    def count(self) -> int:
        """How many replicas there are, those of other machines among them."""
        return int(self.strategy.num_replicas_in_sync)

    def run(self, function: Callable[[Share], T], rows: int, *, stand_in: bool = False) -> T:
        """What `function` returns on every replica, which has to be the same on all of them.

        Args:
            function: of a replica's share of the batch.
            rows: of the batch.
            stand_in: see `Share`.
        """

        def replica() -> T:
            _here.share = share = Share(rows, self.gathers, stand_in)
            try:
                return function(share)
            finally:
                _here.share = None

        with drawn_for_whole_batches(_slice_here):
            result = self.strategy.run(replica)
        return tf.nest.map_structure(self._first, result)  # type: ignore[no-any-return]

    @property
    def has_workers(self) -> bool:
        """Whether replicas are in other processes too, which have to be called alike."""
        return self.count > 1 and isinstance(
            self.strategy, tf.distribute.MultiWorkerMirroredStrategy
        )

    def of_the_first(self, numbers: np.ndarray) -> np.ndarray:
        """What the first worker has in this place: whole numbers, of one shape on all of them."""

        def replica() -> Any:
            context = tf.distribute.get_replica_context()
            mine = tf.constant(numbers, tf.int64)
            first = tf.cast(context.replica_id_in_sync_group == 0, tf.int64)
            return context.all_reduce(tf.distribute.ReduceOp.SUM, mine * first)

        told = tf.function(lambda: self.strategy.run(replica), autograph=False)()
        return self._first(told).numpy().astype(numbers.dtype)  # type: ignore[no-any-return]

    def _first(self, value: Any) -> Any:
        return None if value is None else self.strategy.experimental_local_results(value)[0]


class Share:
    """One replica's rows of a batch, and its way to the others; within `strategy.run`.

    It is the `Replicas` of `tfloss.objective.across_replicas`.

    Args:
        rows: of the whole batch.
        gathers: see `Replication`.
        stand_in: whether a replica whose slice is empty computes on a row that counts nowhere:
            layers that average over the rows of a batch make NaN of none.
    """

    def __init__(self, rows: int, gathers: bool, stand_in: bool = False) -> None:
        self._context = tf.distribute.get_replica_context()
        self.gathers = gathers
        self.count = int(self._context.num_replicas_in_sync)
        number = static_number(self._context)
        self._runs_as_any = number is None
        if number is None:  # on TPUs, one program for all replicas: all slices have one size
            if rows % self.count:
                raise UsageError(
                    f"A batch of {rows} rows cannot be cut into {self.count} slices of one size, "
                    f"which a TPUStrategy needs; choose another batch_size, or other rows."
                )
            self._size = rows // self.count
            self._start = self._context.replica_id_in_sync_group * self._size
        else:
            self._start = number * rows // self.count
            self._size = (number + 1) * rows // self.count - self._start
        self._rows = rows
        self._shown = self._size or int(stand_in)

    @property
    def slice(self) -> tuple[int, int, int] | None:
        """Where its rows begin and end, and those of the batch; None where only a TPU knows."""
        known = isinstance(self._start, int)
        return (self._start, self._start + self._size, self._rows) if known else None

    @property
    def part(self) -> float:
        """Which part of the batch's rows this replica has."""
        return self._size / self._rows

    def own(self, batch: Batch) -> Batch:
        """The rows of a whole batch that this replica has."""
        start = self._start if self._size else 0
        return batch.rows(start, start + self._shown).map(
            lambda leaf: tf.ensure_shape(leaf, (self._shown, *leaf.shape[1:]))
        )

    def whole(self, parts: Mapping[K, Any]) -> dict[K, Any]:
        """See `Replicas.whole`.

        Raises:
            UsageError: a tensor does not have a row, or as many of them, for each example.
        """
        given = {name: tf.convert_to_tensor(part) for name, part in parts.items()}
        summed = self._summed({n: tf.stop_gradient(tensor) for n, tensor in given.items()})
        return {name: self._own_kept(given[name], total) for name, total in summed.items()}

    def exchanged(self, parts: Mapping[K, Any]) -> dict[K, Any]:
        """See `Replicas.exchanged`: the gradient of a sum over replicas is one."""
        given = {name: tf.convert_to_tensor(part) for name, part in parts.items()}
        summed = self._summed(given)
        return {name: tf.cast(total, given[name].dtype) for name, total in summed.items()}

    def _summed(self, parts: Mapping[K, Any]) -> dict[K, Any]:
        # Whole numbers that are not of rows, such as sizes, are the same on all replicas.
        found = dict(parts)
        rows = {n: t for n, t in parts.items() if t.shape.rank or t.dtype.is_floating}
        placed = [self._placed(tensor) for tensor in rows.values()]
        return found | dict(zip(rows, self._sum(placed), strict=True))

    def mean(self, tensors: Sequence[Any]) -> list[Any]:
        """See `Replicas.mean`."""
        return [tensor / self.count for tensor in self._sum(list(tensors))]

    def agreed(self, values: Any, gradients: Sequence[Any], drifting: Sequence[Any]) -> Any:
        """The values and the sum of the gradients, on all replicas the same.

        Args:
            values: the same already.
            gradients: what this replica adds to them; None where there is none.
            drifting: variables that each replica has changed by its own rows, such as the averages
                of a batch normalization: they become their mean, weighted by the rows.
        """
        # A replica without rows has nothing to say, and may hold NaN: the mean of no rows.
        said = [
            tf.zeros_like(v.value) if self._is_empty else v.value * tf.cast(self.part, v.dtype)
            for v in drifting
        ]
        found = [tf.convert_to_tensor(g) for g in gradients if g is not None]
        summed = self._sum([*found, *said])
        for variable, value in zip(drifting, summed[len(found) :], strict=True):
            variable.assign(value)
        dense = iter(summed)
        return values, [None if g is None else next(dense) for g in gradients]

    @property
    def _is_empty(self) -> bool:
        return self._size == 0

    def _placed(self, tensor: Any) -> Any:
        """Among zeros for the others' rows; a number times its part of the batch."""
        wide = tf.cast(tensor, _wide(tensor.dtype))
        if tensor.shape.rank == 0:
            if self._is_empty:
                return tf.zeros_like(wide)
            return wide * tf.cast(self.part, wide.dtype)
        before, after = self._around(tensor)
        if self._runs_as_any:  # shapes are static, and so are paddings
            mine = tf.one_hot(self._context.replica_id_in_sync_group, self.count, True, False)
            slices = tf.where(mine[:, None], tf.reshape(wide, [1, -1]), tf.zeros((), wide.dtype))
            return tf.reshape(slices, [-1, *wide.shape[1:]])
        return tf.pad(self._counted(wide), [[before, after], *([0, 0] for _ in tensor.shape[1:])])

    def _counted(self, tensor: Any) -> Any:
        """Without the row that stands in for none."""
        return tensor[:0] if self._is_empty else tensor

    def _own_kept(self, tensor: Any, summed: Any) -> Any:
        """What was summed, with this replica's rows as they are, from which gradients come."""
        summed = tf.cast(summed, tensor.dtype)
        if not tensor.dtype.is_floating:
            return summed
        if tensor.shape.rank == 0:
            own = tf.zeros_like(tensor)
            if not self._is_empty:
                own = tensor * tf.cast(self.part, tensor.dtype)
            own = _with_gradient_times(own, self.count)
            return summed + (own - tf.stop_gradient(own))
        before, after = self._around(tensor)
        rows = _with_gradient_times(self._counted(tensor), self.count)
        if self._runs_as_any:
            own = tf.cast(self._placed(rows), tensor.dtype)
            return summed + (own - tf.stop_gradient(own))
        return tf.concat([summed[:before], rows, summed[tf.shape(summed)[0] - after :]], 0)

    def _around(self, tensor: Any) -> tuple[Any, Any]:
        """How many rows of others come before and after this replica's.

        A tensor has one row for each example, or several: the steps of sequences.
        """
        shown = max(self._shown, 1)
        rows = self._shown if tensor.shape[0] is None else int(tensor.shape[0])
        if rows % shown:
            raise UsageError(
                f"A tensor of shape {tensor.shape} does not have a row for each of the "
                f"{self._shown} examples of one replica, so that it cannot be put together with "
                f"those of the others; train on one device."
            )
        times = rows // shown or 1
        before = self._start * times
        return before, self._rows * times - before - self._size * times

    def _sum(self, tensors: list[Any]) -> list[Any]:
        """The sums over the replicas; one collective for each dtype, almost always one."""
        kinds = dict.fromkeys(tensor.dtype for tensor in tensors)
        places = {kind: [n for n, t in enumerate(tensors) if t.dtype == kind] for kind in kinds}
        flat = [
            tf.concat([tf.reshape(tensors[n], [-1]) for n in numbers], 0)
            for numbers in places.values()
        ]
        if not flat:
            return []
        sums = self._context.all_reduce(tf.distribute.ReduceOp.SUM, flat)
        found = list(tensors)
        for numbers, total in zip(places.values(), sums, strict=True):
            parts = tf.split(total, [_size(tensors[n]) for n in numbers])
            for n, part in zip(numbers, parts, strict=True):
                found[n] = tf.ensure_shape(tf.reshape(part, tf.shape(tensors[n])), tensors[n].shape)
        return found


def _slice_here() -> tuple[int, int, int] | None:
    share: Share | None = getattr(_here, "share", None)
    return None if share is None else share.slice


def _size(tensor: Any) -> Any:
    known = tensor.shape.num_elements()
    return tf.size(tensor) if known is None else known


def _wide(dtype: Any) -> Any:
    """What is summed over replicas in its place."""
    if dtype.is_floating:
        return dtype if dtype == tf.float64 else tf.float32
    return tf.int64


def _with_gradient_times(tensor: Any, times: int) -> Any:
    @tf.custom_gradient
    def same(value: Any) -> Any:
        return tf.identity(value), lambda slope: slope * times

    return same(tensor)


@contextmanager
def outside_of_scopes() -> Iterator[None]:
    """Meanwhile no strategy's scope counts, whoever has entered one.

    A Keras optimizer that is called outside of its strategy's scope updates the variables of all
    devices by one gradient. Called by a replica, it adds up the gradients of all, after it has
    clipped each. (`_distribution_strategy_stack` is TensorFlow's private name.)
    """
    graph: Any = tf.compat.v1.get_default_graph()
    before = getattr(graph, "_distribution_strategy_stack", None)
    if not before:
        yield
        return
    graph._distribution_strategy_stack = []
    try:
        yield
    finally:
        graph._distribution_strategy_stack = before


def strategy_of(variables: Iterable[Any]) -> Any | None:
    """The strategy that Keras variables were made under; None: for one device."""
    for variable in variables:
        strategy = getattr(variable.value, "distribute_strategy", None)
        if strategy is not None:
            return strategy
    return None


def value_of(variable: Any) -> Any:
    """The value of a variable of this process, a tensor, read without ceremony."""
    own = variable.value
    if getattr(own, "distribute_strategy", None) is not None:
        return tf.convert_to_tensor(own)
    return tf.raw_ops.ReadVariableOp(resource=own.handle, dtype=own.dtype)


def drifting(forward: Any) -> list[Any]:
    """The variables of a model that each replica changes by its own rows.

    Those of a `BatchNormalization` that is synchronized are the same on all, and stay so.
    """
    network = getattr(forward, "network", None)
    found = [] if network is None else network.non_trainable_variables
    return [variable for variable in found if "float" in str(variable.dtype)]


def static_number(context: Any) -> int | None:
    """Which replica this is; None where one program is compiled for all of them."""
    number = tf.get_static_value(context.replica_id_in_sync_group)
    return None if number is None else int(number)


def lets_stand_in(forward: Any) -> bool:
    """Whether a replica without rows may compute on one that does not count.

    A `BatchNormalization` that is synchronized would count it, and needs no row.
    """
    return not any(layer.synchronized for layer in _normalizations(forward))


def _normalizations(forward: Any) -> list[Any]:
    network = getattr(forward, "network", None)
    layers = [] if network is None else sublayers(network, recursive=True)
    return [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]


def warn_of_own_batches(forward: Any) -> None:
    """Warn of batch normalizations that see the rows of one replica only."""
    own = [layer.name for layer in _normalizations(forward) if not layer.synchronized]
    if own:
        warnings.warn(
            f"Each replica normalizes by its own rows in {listed(own)}, so that the weights depend "
            f"on how many there are; write keras.layers.BatchNormalization(synchronized=True).",
            stacklevel=2,
        )


def refuse_other_devices(
    variables: Iterable[Any], optimizer: Any, replication: Replication | None
) -> None:
    """Refuse a model or an optimizer that was made for other devices than it is trained on.

    Raises:
        UsageError: with what to do.
    """
    made, strategy = strategy_of(variables), replication and replication.strategy
    if strategy is None:
        if made is not None and made.num_replicas_in_sync > 1:
            raise UsageError(
                f"The model was built under a {type(made).__name__}, but this training is on one "
                f"device; build it outside of the strategy's scope."
            )
        return
    name = type(strategy).__name__
    if made is not strategy:
        raise UsageError(
            f"The model was built outside of the scope of the {name} that it is to be trained "
            f"under; build it inside: with strategy.scope(): model = …"
        )
    # Where gradients are accumulated, `iterations` is no variable.
    if strategy_of([batches_done(optimizer)]) is not strategy:
        raise UsageError(
            f"The optimizer was made outside of the scope of the {name}; make it inside "
            f"(with strategy.scope(): …), or give it as text: optimizer='adam:learning_rate=0.01'."
        )
