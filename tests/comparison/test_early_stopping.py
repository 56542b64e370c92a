"""Early stopping in a comparison: each seed ends after an epoch of its own, as alone."""

from __future__ import annotations

import numpy as np
import pytest

import tfloss
from tests.cli.running import tfloss as command
from tfloss.runs.train import run
from tfloss.training.config import Config

OPTIONS = {
    "epochs": 30, "evaluate_every": 4, "seed": 3, "train_size": 60, "early_stopping": True,
    "validation_fraction": 0.2, "n_iter_no_change": 2, "optimizer": "adam:learning_rate=0.5",
}  # fmt: skip


@pytest.fixture(scope="module")
def result():
    return tfloss.compare(["bce", "bce + 1e-3*l2"], seeds=3, model="mlp:4", **OPTIONS)


@pytest.mark.parametrize("place", range(3))
def test_a_replicate_is_the_training_alone_and_ends_with_the_kept_weights(registry, result, place):
    found = result.trajectories[0]
    config = Config(formula="bce", model="mlp:4", **OPTIONS)
    alone = run(config.changed(seed=3 + place, evaluate_every=1), registry)
    trained, best = alone.history.latest.number, alone.history.best_epoch
    assert best < trained < 30
    train, holdout = (alone.history.column("total", s) for s in ("train", "holdout"))
    np.testing.assert_allclose(found.train[:trained, place, 0], train, rtol=1e-5)
    np.testing.assert_allclose(found.train[trained:, place, 0], train[best - 1], rtol=1e-5)
    before = found.eval_epochs <= trained
    expected = np.where(before, holdout[np.minimum(found.eval_epochs, trained) - 1], np.nan)
    expected[~before] = holdout[best - 1]
    np.testing.assert_allclose(found.holdout[:, place, 0], expected, rtol=1e-5)
    logits = alone.student.forward_model(alone.data.holdout.inputs, training=False)
    np.testing.assert_allclose(found.logits[-1, place], logits, rtol=1e-4, atol=1e-5)


def test_it_says_so_and_counts_the_steps_that_were_made(result):
    assert result.trajectories[0].execution == "one at a time"
    said = [note for note in result.values["notes"] if "early stopping ends each seed" in note]
    assert len(said) == 1
    assert result.values["replicate_steps"] < 2 * 3 * 30 * 2


def test_from_the_command_line(tmp_path):
    answer = command(
        "compare", "bce", "--seeds", "2", "--epochs", "3", "--train-size", "40", "--model", "mlp",
        "--early-stopping", "--n-iter-no-change", "1", "--runs", tmp_path,
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert "early stopping ends each seed" in answer.out
