"""What a training has seen: epochs that came in chunks, one by one."""

from __future__ import annotations

import numpy as np
import pytest

from tfloss.training.history import MOST_EPOCHS, History

VALUES = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
HOLDOUT = np.where(np.arange(30)[:, None] % 4 == 3, -VALUES, np.nan).astype(np.float32)


def history_of(*lengths, every=1, holdout=True):
    history, first = History(("a", "b"), 7, every=every), 0
    for length in lengths:
        rows = slice(first, first + length)
        history.extend(first + 1, VALUES[rows], HOLDOUT[rows] if holdout else None)
        first += length
    return history


@pytest.mark.parametrize("lengths", [(30,), (1,) * 30, (7, 0, 20, 3)])
def test_chunks_change_nothing(lengths):
    history = history_of(*lengths)
    assert len(history) == 30
    epochs = list(history)
    assert [epoch.number for epoch in epochs] == list(range(1, 31))
    assert [epoch.step for epoch in epochs] == [7 * number for number in range(1, 31)]
    assert [history[at] for at in range(-30, 0)] == epochs
    np.testing.assert_array_equal([epoch.train["a"] for epoch in epochs], VALUES[:, 1])
    np.testing.assert_array_equal(history.column("b"), VALUES[:, 2].astype(np.float64))
    np.testing.assert_array_equal(history.column("total", "holdout"), HOLDOUT[:, 0])
    assert epochs[2].holdout is None
    assert epochs[3].holdout == dict(zip(("total", "a", "b"), HOLDOUT[3].tolist(), strict=True))
    last = history.as_summary()
    assert (last["epoch"], last["holdout"]) == (30, epochs[27].holdout)
    assert epochs[3].as_logs()["val_loss"] == HOLDOUT[3, 0]


def test_without_a_holdout_or_an_epoch():
    assert np.isnan(history_of(5, holdout=False).column("a", "holdout")).all()
    empty = History(("a",), 7)
    assert (len(empty), list(empty), empty.as_summary()) == (0, [], {})
    assert empty.column("a").shape == (0,)
    empty.keep_latest()
    for look in (lambda: empty[0], lambda: empty.latest, lambda: history_of(3)[3]):
        with pytest.raises(IndexError):
            look()


@pytest.mark.parametrize("lengths", [(30,), (1,) * 30, (8, 22)])
def test_a_long_training_keeps_some_epochs_and_the_last(lengths):
    history = history_of(*lengths, every=8)
    assert [epoch.number for epoch in history] == [8, 16, 24]
    assert history.latest.number == 30
    history.keep_latest()
    history.keep_latest()
    assert [epoch.number for epoch in history] == [8, 16, 24, 30]
    np.testing.assert_array_equal(history.column("a"), VALUES[[7, 15, 23, 29], 1])


@pytest.mark.parametrize("epochs", [1, MOST_EPOCHS, MOST_EPOCHS + 1, 10**7])
def test_the_number_of_epochs_that_are_kept_has_a_bound(epochs):
    every = History.spacing(epochs)
    assert epochs // every <= MOST_EPOCHS
    assert every == 1 or epochs // (every - 1) > MOST_EPOCHS
