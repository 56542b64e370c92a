"""Which datasets call Python, and so have to be asked to end before they are thrown away."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfloss.training.python_in_data import calls_python

NUMBER = tf.TensorSpec((), tf.float32)


def generated():
    return tf.data.Dataset.from_generator(lambda: iter([1.0]), output_signature=NUMBER)


def in_memory():
    return tf.data.Dataset.from_tensor_slices(np.zeros((6, 2), np.float32))


def through_numpy(function):
    return in_memory().map(lambda row: function(lambda x: x, [row], tf.float32))


@pytest.mark.parametrize(
    "dataset",
    [
        lambda: generated(),
        lambda: generated().batch(2).map(lambda x: x + 1).shuffle(3).repeat().prefetch(1),
        lambda: through_numpy(tf.numpy_function),
        lambda: through_numpy(tf.py_function).batch(2),
        lambda: tf.data.Dataset.zip(in_memory(), generated()),
        lambda: tf.data.Dataset.range(3).interleave(lambda _: generated()),
        lambda: in_memory().map(tf.function(lambda x: tf.numpy_function(abs, [x], tf.float32))),
    ],
    ids=["generator", "behind others", "numpy_function", "py_function", "zip", "nested", "called"],
)
def test_python_is_found_wherever_it_is_called(dataset):
    assert calls_python(dataset())


def test_what_stays_in_tensorflow_is_not_taken_for_python(tmp_path):
    (tmp_path / "lines").write_text("1\n2\n")
    lines = tf.data.TextLineDataset(str(tmp_path / "lines")).map(tf.strings.to_number)
    arranged = in_memory().map(lambda x: 2 * x).filter(lambda x: x[0] >= 0).batch(2).shuffle(3)
    nested = tf.data.Dataset.range(2).interleave(lambda _: in_memory())
    assert not any(map(calls_python, (lines, arranged, nested)))


def test_a_dataset_that_tells_nothing_of_itself_is_taken_for_python():
    assert calls_python(object())
