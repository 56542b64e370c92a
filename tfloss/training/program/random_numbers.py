"""Random layers under XLA: drawn by Philox, and the same numbers as in the graph executor.

TensorFlow's stateless random functions, which Keras' `Dropout`, `GaussianNoise` and the rest of
`keras.random` call, choose their generator by `alg="auto_select"`. On a processor that is Philox in
the graph executor, but under XLA an operation that takes 5 ms for 128x128 numbers instead of 0.2.
Even with Philox the fractions are others, since XLA makes a fraction of the upper bits of a whole
number and the graph executor of the lower ones. Here both are the graph executor's: Philox, and its
way from whole numbers to fractions. So dropout leaves out the same units however a training is
compiled. (Truncated normal numbers are Philox' too, but others than the graph executor's.)

This file is the only one that reads TensorFlow's private names; where a new TensorFlow has others,
random layers are slow under XLA again, and a test says so.

Replicas draw what one device draws for all rows of a batch, and each takes those of its own rows.
"""

from __future__ import annotations

import importlib
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tfloss.lazy import tf

_CHOICE = "tensorflow.python.ops.random_ops_util", "get_key_counter_alg"
_OPS = "tensorflow.python.ops.gen_stateless_random_ops_v2"
_UNIFORM, _NORMAL = (_OPS, "stateless_random_uniform_v2"), (_OPS, "stateless_random_normal_v2")
_TRUNCATED, _WHOLE = "stateless_truncated_normal_v2", "stateless_random_uniform_int_v2"
_SMALLEST = 1e-7  # what the graph executor takes the logarithm of at least

_tracing = threading.RLock()


def traced_for_xla(body: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, which draws under XLA what it draws in the graph executor."""

    def traced(*arguments: Any) -> Any:
        with drawn_as_by_the_graph_executor():
            return body(*arguments)

    return traced


@contextmanager
def drawn_as_by_the_graph_executor() -> Iterator[None]:
    """While a program is traced that XLA will compile."""
    with _tracing:
        own = [(_module(place), name) for place, name in (_CHOICE, _UNIFORM, _NORMAL)]
        before: list[Any] = [getattr(module, name, None) for module, name in own]
        if None in before:  # another TensorFlow: slow, but right
            yield
            return
        choice, uniform, normal = before
        try:
            for (module, name), new in zip(
                own, (_philox(choice), _uniform(uniform), _normal(normal)), strict=True
            ):
                setattr(module, name, new)
            yield
        finally:
            for (module, name), old in zip(own, before, strict=True):
                setattr(module, name, old)


@contextmanager
def drawn_for_whole_batches(
    slice_here: Callable[[], tuple[int, int, int] | None],
) -> Iterator[None]:
    """While replicas are traced: numbers for rows are those that one device draws for them.

    Args:
        slice_here: of the replica that asks: where its rows begin and end, and how many there are
            in the batch; None where none asks.
    """
    with _tracing:
        module = _module(_OPS)
        names = [name for _, name in (_UNIFORM, _NORMAL)] + [_TRUNCATED, _WHOLE]
        before = {name: getattr(module, name) for name in names if hasattr(module, name)}
        try:
            for name, draw in before.items():
                setattr(module, name, _cut(draw, slice_here))
            yield
        finally:
            for name, draw in before.items():
                setattr(module, name, draw)


def _cut(
    draw: Callable[..., Any], slice_here: Callable[[], tuple[int, int, int] | None]
) -> Callable[..., Any]:
    """Numbers for as many rows as a replica has are cut out of those for the batch."""

    def drawn(shape: Any, *more: Any, **named: Any) -> Any:
        own = slice_here()
        known = None if own is None else tf.get_static_value(tf.convert_to_tensor(shape))
        if own is None or known is None or not len(known) or known[0] != own[1] - own[0]:
            return draw(shape, *more, **named)
        start, end, rows = own
        return draw([rows, *known[1:].tolist()], *more, **named)[start:end]

    return drawn


def _module(place: str) -> Any:
    try:
        return importlib.import_module(place)
    except ImportError:
        return None


def _philox(choose: Callable[..., Any]) -> Callable[..., Any]:
    """Philox where nothing was chosen."""
    automatic = (None, "auto_select", tf.random.Algorithm.AUTO_SELECT)

    def chosen(seed: Any, alg: Any) -> Any:
        left_open = isinstance(alg, (str, tf.random.Algorithm, type(None))) and alg in automatic
        return choose(seed, "philox" if left_open else alg)

    return chosen


def _uniform(draw: Callable[..., Any]) -> Callable[..., Any]:
    """Fractions in [0, 1) from the lower 23 bits of whole numbers."""

    def drawn(
        shape: Any, key: Any, counter: Any, alg: Any, dtype: Any = tf.float32, name: Any = None
    ) -> Any:
        if not _is_ours(alg, dtype):
            return draw(shape, key=key, counter=counter, alg=alg, dtype=dtype, name=name)
        return _fractions(_whole_numbers(shape, key, counter, alg))

    return drawn


def _normal(draw: Callable[..., Any]) -> Callable[..., Any]:
    """Two normal numbers from two fractions: Box and Muller, Ann. Math. Stat. 29 (1958)."""

    def drawn(
        shape: Any, key: Any, counter: Any, alg: Any, dtype: Any = tf.float32, name: Any = None
    ) -> Any:
        known = tf.get_static_value(tf.convert_to_tensor(shape))
        if known is None or not _is_ours(alg, dtype):
            return draw(shape, key=key, counter=counter, alg=alg, dtype=dtype, name=name)
        count = math.prod(known.tolist())
        pairs = -(-count // 2)
        bits = _whole_numbers([2 * pairs], key, counter, alg)
        first, second = tf.unstack(tf.reshape(_fractions(bits), [pairs, 2]), axis=1)
        radius = tf.sqrt(-2.0 * tf.math.log(tf.maximum(first, _SMALLEST)))
        angle = 2.0 * math.pi * second
        both = tf.stack([tf.sin(angle) * radius, tf.cos(angle) * radius], axis=1)
        return tf.reshape(tf.reshape(both, [-1])[:count], shape)

    return drawn


def _is_ours(alg: Any, dtype: Any) -> bool:
    philox = tf.random.Algorithm.PHILOX.value
    return isinstance(alg, int) and alg == philox and tf.as_dtype(dtype) == tf.float32


def _whole_numbers(shape: Any, key: Any, counter: Any, alg: Any) -> Any:
    return tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=shape, key=key, counter=counter, alg=alg, dtype=tf.uint32
    )


def _fractions(bits: Any) -> Any:
    """In [0, 1): the lower 23 bits behind the point of a float32 from [1, 2), less one."""
    lower = tf.bitwise.bitwise_and(bits, tf.constant(0x7FFFFF, tf.uint32))
    return (
        tf.bitcast(tf.bitwise.bitwise_or(lower, tf.constant(0x3F800000, tf.uint32)), tf.float32)
        - 1.0
    )
