"""What is said and refused before replicas begin; how they train is in tests/distributed."""

from __future__ import annotations

from types import SimpleNamespace

import keras
import pytest
import tensorflow as tf

from tfloss.errors import UsageError
from tfloss.training.program.choose_compiler import choose_for_replicas
from tfloss.training.program.replication import Replication, lets_stand_in, warn_of_own_batches
from tfloss.training.strategies import replication_of


@pytest.fixture(scope="module")
def strategy():
    return tf.distribute.MirroredStrategy(["CPU:0"])


def normalized(synchronized):
    layer = keras.layers.BatchNormalization(synchronized=synchronized, name="norm")
    network = keras.Sequential([keras.Input((3,)), keras.Sequential([layer])])
    return SimpleNamespace(network=network)


def test_a_normalization_by_each_replicas_rows_is_warned_of_with_the_line_to_write(recwarn):
    warn_of_own_batches(normalized(True))
    assert not recwarn
    with pytest.warns(UserWarning, match=r"rows in norm.*BatchNormalization\(synchronized=True\)"):
        warn_of_own_batches(normalized(False))


def test_a_row_stands_in_only_where_no_normalization_would_count_it():
    assert lets_stand_in(normalized(False))
    assert not lets_stand_in(normalized(True))


def test_xla_is_not_chosen_and_the_reason_is_said():
    assert str(choose_for_replicas("auto", 2)).startswith("graph: XLA does not compile what 2")
    assert "asked for" in choose_for_replicas("xla", 2).reason
    assert choose_for_replicas("eager", 2).compiled_as == "eager"


def test_the_strategy_is_the_one_given_or_in_force_or_the_models(strategy):
    assert replication_of(None, "mlp:3") is None
    assert replication_of(strategy, "mlp:3") == Replication(strategy)
    with strategy.scope():
        assert replication_of(None, "mlp:3", gather=False) == Replication(strategy, gathers=False)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    assert replication_of(None, model) == Replication(strategy)


def test_other_strategies_are_refused(strategy):
    with pytest.raises(UsageError, match="CentralStorageStrategy is not among those"):
        replication_of(tf.distribute.experimental.CentralStorageStrategy(), "mlp:3")
    with (
        tf.distribute.OneDeviceStrategy("CPU:0").scope(),
        pytest.raises(UsageError, match="in the scope of another, a OneDeviceStrategy"),
    ):
        replication_of(strategy, "mlp:3")
