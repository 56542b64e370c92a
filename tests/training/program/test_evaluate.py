"""A holdout that is evaluated in slices."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
from scipy.special import expit, xlogy

from tests.training.engine_builders import columns, loss_of, mlp
from tfloss.training.program.batch import as_tensors
from tfloss.training.program.evaluate import Evaluation, LogitEvaluation


@pytest.mark.parametrize("at_once", [100, 10, 7])
def test_each_term_is_averaged_over_the_rows_that_are_there_for_it(registry, at_once):
    rows = columns(23)
    there = np.arange(23) >= 17  # the first slices have no label at all
    rows = replace(rows, present={"labels": there})
    model = mlp()
    forward = loss_of(model, "bce + mse(teacher, probs) + sum(bce)/23", registry)
    batch = as_tensors(rows, forward.objective.needs)
    values = Evaluation(forward, batch, at_once)(0, batch.leaves()).numpy()
    probs = expit(np.asarray(model(rows.inputs), np.float64))
    bce = -(xlogy(rows.labels, probs) + xlogy(1 - rows.labels, 1 - probs))[there].mean()
    assert values[1] == pytest.approx(bce, rel=1e-5)
    assert values[2] == pytest.approx(np.mean((probs - rows.values["teacher"]) ** 2), rel=1e-5)
    assert values[0] == pytest.approx(values[1:].sum(), rel=1e-6)


@pytest.mark.parametrize("at_once", [100, 23, 10])
def test_nothing_is_dropped_while_evaluating_and_logits_are_those_of_every_row(registry, at_once):
    rows = columns(23)
    model = mlp(lambda: [keras.layers.Dense(4), keras.layers.Dropout(0.9)])
    forward = loss_of(model, "bce + mse(teacher, probs)", registry)
    batch = as_tensors(rows, forward.objective.needs)
    logits = np.asarray(model(rows.inputs, training=False), np.float64)
    bce = -(xlogy(rows.labels, expit(logits)) + xlogy(1 - rows.labels, expit(-logits))).mean()
    mse = np.mean((expit(logits) - rows.values["teacher"]) ** 2)
    expected = [bce + mse, bce, mse]
    values = Evaluation(forward, batch, at_once)(0, batch.leaves())
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    values, answers = LogitEvaluation(forward, batch, at_once)(0, batch.leaves())
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    np.testing.assert_allclose(answers, logits, rtol=1e-5, atol=1e-6)
