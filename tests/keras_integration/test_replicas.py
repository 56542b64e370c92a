"""Two replicas train as one device does, whatever rows count on each."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# Devices are counted when TensorFlow starts, so this needs a process of its own.
PROGRAM = """
import keras, numpy as np, tensorflow as tf, tfloss
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2)
rng = np.random.default_rng(0)
x = rng.normal(size=(15, 3)).astype("float32")
y = rng.normal(size=(15, 1)).astype("float32")
y[[0, 1, 2, 9]] = np.nan  # three of the first replica's four rows
w = np.linspace(0.5, 2, 15).astype("float32")

def trained(strategy):
    with strategy.scope():
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "tanh", name="hidden"),
                                  keras.layers.Dense(1)])
        model = tfloss.attach(model, "mse + 0.1*abs(sum(mae)) + 0.1*mse(hidden, 0*hidden)",
                              task="regression")
        model.compile(keras.optimizers.SGD(0.1), jit_compile=False)
    history = model.fit(x, y, sample_weight=w, batch_size=8, epochs=2, shuffle=False, verbose=0,
                        validation_data=(x, y)).history
    return history, model.get_weights()

two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert two.num_replicas_in_sync == 2
(expected, there), (found, here) = trained(tf.distribute.get_strategy()), trained(two)
for name in expected:
    np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, err_msg=name)
for one, other in zip(here, there):
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
"""


def test_two_replicas_average_by_the_rows_that_count():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        env={**os.environ},
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr[-2000:]
