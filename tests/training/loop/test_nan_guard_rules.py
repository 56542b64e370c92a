"""What the guard does after each kind of chunk, without a training: which runs, rates and words."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from tfloss.errors import NumericsError, UsageError
from tfloss.lazy import tf
from tfloss.training.loop import nan_guard
from tfloss.training.loop.nan_guard import NanGuard
from tfloss.training.program.chunk_log import ChunkLog
from tfloss.training.program.step import NEVER, TrainState

EPOCH = 4  # steps


class Training:
    """Gives one log after the other, and writes down what it is asked to do."""

    def __init__(self, on_nan, *logs):
        self.logs, self.asked, self.restored = list(logs), [], 0
        self.optimizer = SimpleNamespace(learning_rate=1.0)
        self.steps_per_epoch = EPOCH
        self.guard = NanGuard(self, on_nan)

    def snapshot(self):
        return "before"

    def restore(self, before):
        assert before == "before"
        self.restored += 1

    def run(self, policy):
        self.asked.append((policy, self.optimizer.learning_rate))
        return self.logs.pop(0)

    def chunk(self, **how):
        return self.guard(self.run, lambda step: SimpleNamespace(batch=step), **how)

    @property
    def policies(self):
        return [policy for policy, _ in self.asked]


def log(bad=None, rolled_back=0, steps=EPOCH, finite=True):
    return ChunkLog(
        np.zeros((1, 2)),
        None,
        None if bad is None else (bad, np.zeros(2)),
        rolled_back,
        steps,
        finite,
    )


GOOD, BAD = log(), log(bad=2, finite=False)


@pytest.fixture(autouse=True)
def data(monkeypatch):
    """The report has tests of its own; `data.wrong` has the steps whose rows are to blame."""
    told = SimpleNamespace(wrong={})
    monkeypatch.setattr(nan_guard, "diagnose", lambda steps, bad, batch_of: f"step {bad[0]} is bad")
    monkeypatch.setattr(nan_guard, "without_meaning", lambda step: told.wrong.get(step, {}))
    return told


@pytest.mark.parametrize("on_nan", ["stop", "skip", "lower"])
def test_a_finite_chunk_is_run_once_by_the_fast_program(on_nan):
    training = Training(on_nan, GOOD)
    assert training.chunk() is GOOD
    assert training.asked == [(None, 1.0)]
    assert training.restored == 0
    assert training.guard.events == []


@pytest.mark.parametrize("first", [BAD, log(bad=2), log(finite=False)], ids=str)
def test_a_chunk_that_is_not_finite_is_undone_and_done_again_step_by_step(first):
    training = Training("stop", first, BAD)
    with pytest.raises(NumericsError, match="step 2 is bad"):
        training.chunk()
    assert training.policies == [None, "stop"]
    assert training.restored == 1


def test_where_the_careful_program_finds_nothing_bad_its_log_counts():
    again = log()
    training = Training("stop", BAD, again)
    assert training.chunk() is again
    assert training.guard.events == []


def test_a_chunk_that_was_guarded_from_the_start_is_not_done_again():
    training = Training("stop", BAD)
    with pytest.raises(NumericsError):
        training.chunk(guarded=True)
    assert training.policies == ["stop"]
    assert training.restored == 0
    weights = log(finite=False)  # a bad step would be in the log
    assert Training("stop", weights).chunk(guarded=True) is weights


def test_steps_are_left_out_and_from_then_on_every_chunk_is_guarded():
    left_out = log(bad=2, rolled_back=1)
    training = Training("skip", BAD, left_out, GOOD, log(bad=9, rolled_back=2))
    with pytest.warns(UserWarning, match="Step 2 was left out"):
        assert training.chunk() is left_out
    assert training.guard.events == ["1 step was left out, since it was not finite."]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # once is enough
        training.chunk()
        training.chunk()
    assert training.policies == [None, "skip", "skip", "skip"]
    assert training.restored == 1
    assert training.guard.skipped == 3
    assert training.guard.events == ["3 steps were left out, since they were not finite."]


@pytest.mark.filterwarnings("ignore:Step .* was left out")
@pytest.mark.parametrize(
    ("logs", "ends"),
    [
        ([log(0, 4, 4)], True),
        ([log(0, 3, 3)], False),
        ([log(0, 3, 3), log(3, 1, 1)], True),
        ([log(0, 3, 3), log(3, 1, 4), log(9, 3, 3)], False),  # three others were finite
        ([log(0, 3, 3), GOOD, log(9, 3, 3)], False),
        ([log(0, 2, 4), log(0, 2, 2), log(0, 2, 2)], True),
    ],
)
def test_leaving_out_every_step_of_an_epoch_is_no_training(logs, ends):
    training = Training("skip", *logs)
    for _ in logs[:-1]:
        training.chunk(guarded=True)
    if ends:
        with pytest.raises(NumericsError):
            training.chunk(guarded=True)
    else:
        assert training.chunk(guarded=True) is logs[-1]


@pytest.mark.filterwarnings("ignore:Step .* was left out")
def test_what_another_guard_counted_goes_on():
    one, other = Training("skip", log(0, 3, 3)), Training("skip", log(3, 1, 1))
    one.chunk(guarded=True)
    other.guard.load(one.guard.state())
    assert other.guard.state() == one.guard.state() == {"skipped": 3, "halvings": 0, "in_a_row": 3}
    with pytest.raises(NumericsError):  # four in a row
        other.chunk()
    assert other.policies == ["skip"]


@pytest.mark.parametrize("first", [BAD, log(finite=False)], ids=str)
def test_the_rate_is_halved_until_the_chunk_is_finite(first):
    training = Training("lower", first, BAD, GOOD)
    with pytest.warns(UserWarning, match="halved") as told:
        assert training.chunk() is GOOD
    assert [str(one.message) for one in told] == [
        "The learning rate was halved, to 0.5.",
        "The learning rate was halved, to 0.25.",
    ]
    assert training.asked == [(None, 1.0), (None, 0.5), (None, 0.25)]
    assert training.restored == 2
    assert training.guard.events == ["The learning rate was halved 2 times, to 0.25."]


@pytest.mark.filterwarnings("ignore:The learning rate was halved")
def test_the_rate_is_halved_ten_times_at_most_in_one_training():
    training = Training("lower", BAD, GOOD, *[BAD] * 10, BAD)
    assert training.chunk() is GOOD
    with pytest.raises(NumericsError):
        training.chunk()
    assert training.guard.halvings == 10
    assert training.optimizer.learning_rate == 2.0**-10
    assert training.policies == [*[None] * 12, "stop"]
    training.logs = [BAD, BAD]
    with pytest.raises(NumericsError):
        training.chunk()
    assert training.guard.halvings == 10


def test_the_rate_is_not_halved_where_the_data_are_not_finite(data):
    data.wrong = {2: {"labels": np.array([True])}}
    training = Training("lower", BAD, BAD)
    with pytest.raises(NumericsError):
        training.chunk()
    assert training.asked == [(None, 1.0), ("stop", 1.0)]
    assert training.guard.events == []


def state(step, bad=NEVER, rolled_back=0):
    numbers = {"step": step, "bad_step": bad, "rolled_back": rolled_back}
    whole = {name: tf.constant(value) for name, value in numbers.items()}
    return TrainState(
        sums=tf.zeros(2), bad_values=tf.zeros(2), skipped_rows=tf.constant(0.0),
        finite=tf.constant(True), **whole,
    )  # fmt: skip


def test_a_segment_counts_its_own_steps_and_forgets_the_bad_one():
    training = Training("skip")
    before, after = state(6, rolled_back=2), state(9, bad=7, rolled_back=3)
    policies = []

    def call(policy):
        policies.append(policy)
        return after

    with pytest.warns(UserWarning, match="Step 7 was left out"):
        seen = training.guard.segment(before, call, None, guarded=True)
    assert policies == ["skip"]
    assert training.guard.skipped == 1
    assert int(seen.bad_step) == NEVER
    assert int(seen.step) == 9
    assert int(seen.rolled_back) == 3


@pytest.mark.filterwarnings("ignore:Step .* was left out")
def test_a_segment_without_a_finite_step_is_counted_in_a_row():
    training = Training("skip")
    training.guard.segment(state(4), lambda _: state(7, 4, 3), None, guarded=True)
    assert training.guard.state()["in_a_row"] == 3
    with pytest.raises(NumericsError, match="step 7 is bad"):
        training.guard.segment(state(7, 4, 3), lambda _: state(8, 7, 4), None)


@pytest.mark.parametrize("guarded", [False, True])
def test_a_segment_is_guarded_from_its_start_where_somebody_looks_at_each_step(guarded):
    training, policies = Training("stop"), []

    def call(policy):
        policies.append(policy)
        return state(3)

    how = {"guarded": True} if guarded else {}
    training.guard.segment(state(0), call, None, **how)
    assert policies == ["stop" if guarded else None]


def test_only_lowering_needs_a_rate_that_is_a_number():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    steps = SimpleNamespace(optimizer=keras.optimizers.SGD(schedule))
    NanGuard(steps, "stop")
    NanGuard(steps, "skip")
    with pytest.raises(UsageError, match="on_nan='lower' needs a learning rate that is a number"):
        NanGuard(steps, "lower")
    with pytest.raises(UsageError, match="on_nan"):
        NanGuard(steps, "halt")
