"""A step that was not finite is undone: exactly, and nothing is kept that it cannot change."""

from __future__ import annotations

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfloss
from tests.keras_integration.models import data, functional
from tfloss.keras_integration.metrics import add_to_mean
from tfloss.keras_integration.undo_step import UndoAfterCall


class Toy:
    """A step that adds what it is given to the first of two variables, and counts."""

    def __init__(self, weight):
        self.weight, self.frozen = keras.Variable(weight), keras.Variable(np.ones(3, np.float32))
        self.count = keras.Variable(0, dtype="int64")
        self.model = SimpleNamespace(
            variables=[self.weight, self.frozen],
            metrics_variables=[],
            optimizer=SimpleNamespace(variables=[self.count]),
            weights_to_guard=[self.weight, self.frozen],
            get_metrics_result=lambda: {"loss": 7.0},
        )
        self.undo = UndoAfterCall(self.model, gives_batch=False)
        self.program = tf.function(self._step, autograph=False)

    def _step(self, batch):
        def update():
            total = tf.reduce_sum(self.frozen.value) + batch[0]
            self.weight.assign_add(batch[1])
            self.count.assign_add(1)
            return tf.stack([total, total])

        return self.undo.step(update, lambda: {"loss": 2 * batch[0]}, batch)

    def __call__(self, total, added):
        logs = dict(self.program((tf.constant(total), tf.constant(added))))
        return self.undo.taken(logs), logs

    @property
    def state(self):
        return self.weight.numpy().tolist(), int(self.count)


def test_only_what_the_step_changes_is_kept():
    toy = Toy([1.0, 2.0])
    taken, logs = toy(0.5, [1.0, 1.0])
    assert set(toy.undo._structures[0][0]) == {"0", "2"}  # the weight and the count
    assert (taken.rolled_back, taken.batch) == (0, None)
    assert set(logs) == {"loss"}
    assert float(logs["loss"]) == 1.0
    assert toy.state == ([2.0, 3.0], 1)


@pytest.mark.parametrize(
    ("total", "added"),
    [(np.nan, [1.0, 1.0]), (np.inf, [0.0, 0.0]), (1.0, [np.nan, 0.0]), (1.0, [np.inf, -np.inf])],
)
def test_a_bad_step_leaves_no_trace(total, added):
    toy = Toy([1.0, 2.0])
    toy(0.5, [1.0, 1.0])
    taken, logs = toy(total, added)
    assert toy.state == ([2.0, 3.0], 1)
    assert taken.rolled_back == 1
    np.testing.assert_array_equal(taken.values, np.float32([total + 3, total + 3]))
    np.testing.assert_array_equal(taken.batch[1], np.float32(added))
    assert logs == {"loss": 7.0}  # of the metrics as they were


def test_large_weights_are_no_fault_though_their_sum_overflows():
    toy = Toy(np.float32([3e38, 0.0]))
    assert toy(1.0, [0.0, 3e38])[0].rolled_back == 0
    assert toy.state[1] == 1


def test_numbers_are_averaged_as_keras_averages_them():
    found, expected = keras.metrics.Mean(), keras.metrics.Mean()
    for value, rows in [(0.1, 3), (1e-8, 64), (7e5, 1), (-0.3, 17)]:
        add_to_mean(found, tf.constant(value), tf.constant(float(rows)))
        expected.update_state(tf.constant(value), sample_weight=tf.constant(rows))
    assert float(found.result()) == float(expected.result())


def test_a_step_has_not_many_more_operations_than_plain_keras():
    """What lies between Keras' steps and ours is mostly the number of operations."""
    x, y = data()

    def operations(model, **options):
        found, step = [], model.train_step

        def counted(rows):
            graph = tf.compat.v1.get_default_graph()
            before = len(graph.get_operations())
            answers = step(rows)
            found.append(len(graph.get_operations()) - before)
            return answers

        model.train_step = counted
        model.compile(keras.optimizers.Adam(), **options)
        model.fit(x, y, epochs=1, verbose=0)
        return found[-1]

    attached = tfloss.attach(functional(None), "mse")
    assert operations(attached) < 1.5 * operations(functional(None), loss="mse")
