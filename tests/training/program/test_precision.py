"""Mixed precision: float32 losses and weights, loss scaling, and results close to float32's."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.training.engine_builders import columns, engine_of, mlp, order_of
from tfloss.errors import UsageError
from tfloss.training.program.precision import (
    check_precision,
    computing_in,
    refuse_for_built_model,
    with_loss_scaling,
)

MIXED = ["mixed_float16", "mixed_bfloat16"]


def engine_in(registry, precision, rate=0.1, how="graph", formula="bce + 0.1*abs_kl"):
    with computing_in(precision):
        model = mlp()
    optimizer = with_loss_scaling(keras.optimizers.SGD(rate), model)
    return engine_of(
        registry, model, optimizer=optimizer, holdout=columns(9), compile=how, formula=formula
    )


@pytest.mark.parametrize("how", ["graph", "xla", "eager"])
@pytest.mark.parametrize("precision", MIXED)
def test_training_stays_near_that_in_float32(registry, precision, how):
    logs, weights = [], []
    for name in ("float32", precision):
        engine = engine_in(registry, name, how=how)
        log = engine.run(order_of(engine, 4), 0)
        logs.append(log)
        weights.append([v.numpy() for v in engine.variables])
        assert log.train.dtype == log.holdout.dtype == np.float32
        assert engine.compiled_as == how
    assert all(value.dtype == np.float32 for value in weights[1])
    np.testing.assert_allclose(logs[0].train, logs[1].train, rtol=0.02, atol=0.002)
    for full, mixed in zip(*weights, strict=True):
        np.testing.assert_allclose(full, mixed, rtol=0, atol=0.02)
        assert np.abs(full - mixed).max() > 0  # it was not float32 in disguise


def test_only_float16_scales_the_loss(registry):
    for name, scales in (("float32", False), ("mixed_bfloat16", False), ("mixed_float16", True)):
        engine = engine_in(registry, name)
        assert isinstance(engine.optimizer, keras.optimizers.LossScaleOptimizer) == scales
    assert with_loss_scaling(engine.optimizer, mlp()) is engine.optimizer


@pytest.mark.parametrize("how", ["graph", "xla"])
def test_gradients_too_small_for_float16_arrive(registry, how):
    """Of a loss of 1e-6 times its size, the hidden layer's gradients are below float16's least."""
    moved = {}
    for scaling in (False, True):
        with computing_in("mixed_float16"):
            model = mlp()
        optimizer = keras.optimizers.SGD(1e5)
        optimizer = with_loss_scaling(optimizer, model) if scaling else optimizer
        engine = engine_of(
            registry, model, optimizer=optimizer, compile=how, formula="0.0000001*bce"
        )
        before = engine.snapshot()[0]
        engine.run(order_of(engine, 2), 0)
        moved[scaling] = np.abs(engine.snapshot()[0] - before).max()
    assert moved[True] > 10 * moved[False]


@pytest.mark.parametrize("how", ["graph", "xla"])
def test_an_overflow_halves_the_scale_and_leaves_the_step_out(registry, how):
    engine = engine_in(registry, "mixed_float16", how=how)
    engine.optimizer.dynamic_scale.assign(2.0**40)
    before = [v.numpy() for v in engine.variables]
    log = engine.run(order_of(engine, 1), 0)
    assert log.bad is None
    assert float(engine.optimizer.dynamic_scale) == 2.0**35  # five steps
    for old, variable in zip(before, engine.variables, strict=True):
        np.testing.assert_array_equal(old, variable.numpy())


def test_the_policy_is_put_back():
    before = keras.config.dtype_policy().name
    with pytest.raises(ZeroDivisionError), computing_in("mixed_float16"):
        _ = 1 / 0
    assert keras.config.dtype_policy().name == before


def test_what_cannot_be_is_refused():
    with pytest.raises(UsageError, match="Did you mean 'mixed_float16'"):
        check_precision("mixed_float61")
    with pytest.raises(UsageError, match="set_dtype_policy"):
        refuse_for_built_model("mixed_float16")
    refuse_for_built_model("float32")
