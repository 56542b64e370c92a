"""What tf.data tunes stays tuned; what has nothing to tune is not waited for."""

import numpy as np
import pytest

from tfloss.lazy import tf
from tfloss.training.loop.autotuning import without_idle_tuning


def rows():
    return tf.data.Dataset.from_tensor_slices({"inputs": np.zeros((8, 2), np.float32)})


def enabled(dataset):
    return without_idle_tuning(dataset).options().autotune.enabled


@pytest.mark.parametrize(
    "dataset",
    [
        lambda: rows().shuffle(4).batch(2).repeat(),
        lambda: rows().batch(2).map(lambda batch: batch).cache().rebatch(4).prefetch(2),
        lambda: tf.data.Dataset.zip((rows(), rows())).take(3).skip(1).filter(lambda *_: True),
        lambda: rows().batch(2).take_while(lambda _: True).concatenate(rows().batch(2)),
    ],
    ids=["shuffled", "mapped", "zipped", "joined"],
)
def test_nothing_to_tune(dataset):
    assert enabled(dataset()) is False


@pytest.mark.parametrize(
    "dataset",
    [
        lambda: rows().map(lambda row: row, num_parallel_calls=tf.data.AUTOTUNE).batch(2),
        lambda: rows().batch(2).prefetch(tf.data.AUTOTUNE).repeat(),
        lambda: rows().flat_map(lambda row: tf.data.Dataset.from_tensors(row)),
        lambda: rows().interleave(lambda row: tf.data.Dataset.from_tensors(row)).batch(2),
    ],
    ids=["parallel", "prefetched", "inner", "interleaved"],
)
def test_something_to_tune_or_not_known(dataset):
    assert enabled(dataset()) is None


def test_what_somebody_asked_for_stays():
    options = tf.data.Options()
    options.autotune.enabled = True
    assert enabled(rows().with_options(options)) is True


def test_the_rows_are_the_same():
    found = [row["inputs"].shape for row in without_idle_tuning(rows().batch(3))]
    assert found == [(3, 2), (3, 2), (2, 2)]
