"""The order of rows: every row once per epoch, and the same order for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from tfloss.training.loop.shuffling import BatchOrder
from tfloss.training.options import BATCHES


@pytest.mark.parametrize(("rows", "batch", "steps"), [(10, 3, 4), (9, 3, 3), (2, 5, 1), (1, 1, 1)])
def test_every_epoch_sees_every_row_once(rows, batch, steps):
    order = BatchOrder(rows, batch, seed=4)
    assert order.steps_per_epoch == steps
    epochs = order.epochs(0, 6)
    assert epochs.dtype == np.int32
    assert (np.sort(epochs, axis=1) == np.arange(rows)).all()


def test_epochs_differ_and_come_again_with_their_seed():
    order = BatchOrder(50, 5, seed=4)
    epochs = order.epochs(0, 4)
    assert len({tuple(epoch) for epoch in epochs}) == 4
    assert (BatchOrder(50, 5, seed=4).epochs(2, 2) == epochs[2:]).all()
    assert (BatchOrder(50, 5, seed=5).epochs(0, 4) != epochs).any()


@pytest.mark.parametrize("rows", [3, 500, 40_000, 100_000])
def test_an_epoch_has_the_same_order_wherever_a_run_starts(rows):
    whole = BatchOrder(rows, 2, seed=4).epochs(0, 300 if rows < 1000 else 5)
    later = BatchOrder(rows, 2, seed=4)
    for first, count in [(0, 1), (1, 0), (3, 2), (130, 140), (299, 1)]:
        expected = whole[first : first + count]
        assert (later.epochs(first, count)[: len(expected)] == expected).all()


@pytest.mark.parametrize(("rows", "size", "drawn"), [(512, 50, 500), (5, 5, 5), (7, 50, 7)])
def test_batches_with_replacement_are_full_and_hold_what_a_draw_with_replacement_does(
    rows, size, drawn
):
    order = BatchOrder(rows, size, batches="replacement", seed=2)
    epochs = order.epochs(0, 400)
    assert epochs.shape == (400, drawn)
    assert order.steps_per_epoch * order.batch_size == drawn
    assert epochs.min() == 0
    assert epochs.max() == rows - 1
    # Of n draws from n rows, a share of 1 - (1 - 1/n)^n is expected to be different.
    unlike = np.mean([len(set(epoch)) / rows for epoch in epochs])
    assert unlike == pytest.approx(1 - (1 - 1 / rows) ** drawn, abs=0.01)
    assert (
        BatchOrder(rows, size, batches="replacement", seed=2).epochs(300, 9) == epochs[300:309]
    ).all()


def test_the_rows_keep_their_order_unless_shuffled_or_where_one_batch_has_them_all():
    assert (BatchOrder(7, 3, batches="sequential").epochs(3, 2) == np.arange(7)).all()
    assert (BatchOrder(7, 7).epochs(0, 2) == np.arange(7)).all()


@pytest.mark.parametrize("batches", BATCHES)
def test_calls_in_turn_get_what_single_calls_get(batches):
    order = BatchOrder(20, 3, batches=batches, seed=1)
    fresh = BatchOrder(20, 3, batches=batches, seed=1)
    # In turn, then with another length, then back to where it was.
    for first, count in [(0, 3), (3, 3), (6, 3), (9, 2), (11, 2), (0, 3)]:
        assert (order.epochs_in_turn(first, count) == fresh.epochs(first, count)).all()
