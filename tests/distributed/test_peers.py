"""What two workers tell each other, and what they do once."""

from __future__ import annotations

import signal

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from tests.distributed.cases import data

STEPS = "tests.distributed.peer_steps"


@pytest.fixture(scope="module")
def steps(pair):
    return pair.ask(f"{STEPS}:steps")


def test_both_know_who_they_are(steps):
    assert [one["index"] for one in steps] == [0, 1]
    assert [one["chief"] for one in steps] == [True, False]
    assert steps[0]["addresses"] == steps[1]["addresses"]
    assert [one["gone"] for one in steps] == [[], []]


def test_texts_are_exchanged(steps):
    assert [one["exchange"] for one in steps] == [["I am 0", "I am 1"]] * 2


def test_the_chief_makes_what_the_others_read(steps):
    """More than a message of the service may hold."""
    assert [one["once"] for one in steps] == [[7.0 * 300_000, 300_000, [0]]] * 2


def test_what_the_chief_raises_is_raised_by_all(steps):
    assert [one["refused once"] for one in steps] == ["DataError: The chief has no data."] * 2


def test_an_error_that_is_not_ours_leaves_nobody_waiting(steps):
    assert steps[0]["broken once"] == "ZeroDivisionError: no chief of ours"
    assert steps[1]["broken once"].startswith(
        "WorkerError: The chief failed (ZeroDivisionError: no"
    )


def test_workers_that_train_the_same_pass(steps):
    assert [one["same"] for one in steps] == ["", ""]


def test_workers_that_train_different_things_are_all_refused(steps):
    for one in steps:
        assert one["other"].startswith("UsageError: The workers are to train different things")
        assert "rows: 3 at worker 0 (127.0.0.1:" in one["other"]
        assert "4 at worker 1 (127.0.0.1:" in one["other"]


def test_the_chief_gathers(steps):
    assert [one["gathered"] for one in steps] == [[[[0, 1], 0], [[0, 1, 2], 1]], []]


def test_a_signal_to_one_is_known_to_all(steps):
    assert [one["no signal"] for one in steps] == [[None, False]] * 2
    assert [one["signal at 1"] for one in steps] == [[signal.SIGTERM, False]] * 2


def test_the_chief_decides_when_to_save(steps):
    assert [one["due at the chief"] for one in steps] == [[None, True]] * 2
    assert [one["due elsewhere"] for one in steps] == [[None, False]] * 2


def test_teachers_are_fitted_once(pair):
    answers = pair.ask(f"{STEPS}:teachers")
    assert [one["fits"] > 0 for one in answers] == [True, False]
    part = data().train.values
    expected = LinearRegression().fit(part["inputs"], part["labels"].ravel())
    for one in answers:
        predicted = expected.predict(part["inputs"])
        np.testing.assert_allclose(one["predicted"], predicted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("rows", "data.rows: 23 at worker 0"),
        ("formula", "formula: mse at worker 0"),
        ("seed", "seed: 0 at worker 0"),
    ],
)
def test_another_training_at_one_worker_is_refused(pair, what, words):
    for answer in pair.ask(f"{STEPS}:different", what=what):
        assert answer.startswith("UsageError: The workers are to train different things")
        assert words in answer


def test_the_chief_writes_the_checkpoints_and_all_go_on(pair, tmp_path):
    answers = pair.ask(f"{STEPS}:checkpoints", folder=str(tmp_path / "kept"))
    assert [one["same"] for one in answers] == [True, True]
    assert answers[0]["weights"] == answers[1]["weights"]
    assert len(list((tmp_path / "kept").glob("step-*.npz"))) == 2
