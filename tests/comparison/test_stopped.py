"""A replicate that stops being finite: its weights are held, the others keep their bytes."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import tfloss
from tfloss.comparison.replicates.program import Replicates
from tfloss.comparison.replicates.stacked_loss import WeightedLoss
from tfloss.objective import Objective
from tfloss.student import wrap_model
from tfloss.training.program.batch import as_tensors
from tfloss.training.program.step import NEVER
from tfloss.training.scope import full_scope

DATA = tfloss.load_data("breast_cancer", train_size=24, test_size=20)
SEEDS, BATCH, BAD = 3, 8, 1


@pytest.fixture(scope="module")
def program():
    keras.utils.set_random_seed(5)
    layers = [keras.Input((30,)), keras.layers.Dense(3, "tanh"), keras.layers.Dense(1)]
    student = wrap_model(keras.Sequential(layers))
    objective = Objective("bce", tfloss.load_registry(), full_scope(student, DATA, {}))
    rows = as_tensors(DATA.train, objective.needs).map(
        lambda column: np.repeat(column.numpy()[None], SEEDS, axis=0)
    )
    loss, adam = WeightedLoss(student, objective), keras.optimizers.Adam(0.1)
    return Replicates(loss, adam, rows, rows, batch_size=BATCH, compile="graph")


def trained(program, spoilt=None):
    """Three chunks of two epochs; in the second one the spoilt replicate's weights are infinite."""
    random = np.random.default_rng(0)
    weights = [random.normal(size=v.shape).astype(np.float32) for v in program.stacked[:-1]]
    program.start_from(weights)
    order = np.tile(np.arange(24, dtype=np.int32), (2, SEEDS, 1))
    logs, kept = [program.train_chunk(order, 0)], None
    if spoilt is not None:
        kernel = program.stacked[0].numpy()
        kernel[spoilt] = np.inf
        program.stacked[0].assign(kernel)
        kept = [value.numpy() for value in program.snapshot()]
    logs += [program.train_chunk(order, 6), program.train_chunk(order, 12)]
    return np.concatenate(logs), [value.numpy() for value in program.snapshot()], kept


def test_its_weights_and_the_optimizers_are_those_of_the_chunks_beginning(program):
    log, after, kept = trained(program, BAD)
    assert program.stopped.bad_steps.tolist() == [NEVER, 6, NEVER]
    assert np.isfinite(log[:2]).all()
    assert np.isnan(log[2:, BAD]).all()
    for value, before in zip(after, kept, strict=True):
        if value.shape[:1] == (SEEDS,):
            np.testing.assert_array_equal(value[BAD], before[BAD])
    values, logits = program.evaluation(18)()
    assert np.isnan(values[BAD]).all()
    assert np.isnan(logits[BAD]).all()


def test_the_others_keep_their_bytes(program):
    others = np.arange(SEEDS) != BAD
    sound, spoilt = trained(program), trained(program, BAD)
    assert sound[0][:, others].tobytes() == spoilt[0][:, others].tobytes()
    for one, other in zip(sound[1], spoilt[1], strict=True):
        if one.shape[:1] == (SEEDS,):
            assert one[others].tobytes() == other[others].tobytes()


def test_all_can_stop_and_the_training_goes_on_to_its_end(program):
    order = np.tile(np.arange(24, dtype=np.int32), (1, SEEDS, 1))
    program.start_from([np.full(v.shape, np.nan, np.float32) for v in program.stacked[:-1]])
    for first in (0, 3):
        assert np.isnan(program.train_chunk(order, first)).all()
    assert program.stopped.bad_steps.tolist() == [0] * SEEDS
