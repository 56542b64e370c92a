"""Embedded categories: positions against scikit-learn's OrdinalEncoder, and what teachers get."""

import json

import numpy as np
import pytest
from sklearn.preprocessing import OrdinalEncoder

from tfloss.data import Encoder, Table, prepare, understood, with_same_inputs
from tfloss.errors import DataError


@pytest.fixture(scope="module")
def table():
    random = np.random.default_rng(2)
    count = 400
    shop = np.array([f"shop {n:03}" for n in random.zipf(1.6, count) % 90], dtype=object)
    shop[random.random(count) < 0.05] = None
    deck = random.choice(["a", "b", "c"], count)
    features = {"x": random.normal(size=count), "shop": shop, "deck": deck}
    return Table(features, np.arange(count) % 2)


def test_positions_are_those_of_scikit_learn(table):
    data = prepare(table, embed="shop", seed=3)
    column = np.array([*table.levels["shop"], None], object)
    texts = column[np.nan_to_num(table.features[:, 1], nan=len(column) - 1).astype(int)][:, None]
    oracle = OrdinalEncoder(min_frequency=2).fit(texts[data.train.rows])
    rare = len(oracle.categories_[0]) - len(oracle.infrequent_categories_[0])
    assert 1 < rare < 90
    for part in (data.train, data.holdout):
        known = np.isin(texts[part.rows, 0].astype(str), oracle.categories_[0].astype(str))
        codes = oracle.transform(np.where(known[:, None], texts[part.rows], texts[:1]))[:, 0]
        expected = np.where(known & (codes != rare), codes + 1, 0)
        np.testing.assert_array_equal(part.inputs[:, -1], expected)
    ((name, vectors, units),) = data.embeddings
    assert (name, vectors, units) == ("shop", rare + 1, (rare + 1) // 2)
    assert data.feature_names == ("x", "deck=a", "deck=b", "deck=c", "shop")
    assert ("embedded", f"shop (a vector of {units} for each of {rare} values, and one for all "
            "others)") in understood(data)  # fmt: skip


def test_teachers_get_columns_as_without_vectors(table):
    data, plain = (prepare(table, embed=embed, seed=3) for embed in ("shop", ()))
    wide = dict(zip(plain.feature_names, plain.holdout.inputs.T, strict=True))
    columns = [*data.feature_names[:-1], *(n for n in plain.feature_names if n.startswith("shop"))]
    spread = data.encoder.spread_out(data.holdout.inputs)
    assert spread.shape[1] == len(columns)
    for name, column in zip(columns, spread.T, strict=True):
        np.testing.assert_array_equal(column, wide[name], name)
    assert spread.dtype == np.float32


def test_saved_without_a_pickle(table):
    encoder = prepare(table, embed="shop").encoder
    again = Encoder.from_values(json.loads(json.dumps(encoder.to_values())))
    np.testing.assert_array_equal(again.encode(table), encoder.encode(table))
    assert again.embeddings == encoder.embeddings


def test_a_number_takes_all_with_more_values(table):
    assert [one.name for one in prepare(table, embed="3").embeddings] == ["shop"]
    assert [one.name for one in prepare(table, embed=["2"]).embeddings] == ["shop", "deck"]
    assert prepare(table, embed="500").embeddings == ()
    numbers = Table(np.arange(20.0).reshape(10, 2), np.arange(10) % 2)
    assert prepare(numbers, embed="3").embeddings == ()


def test_what_cannot_be_embedded(table):
    with pytest.raises(DataError, match=r"no feature column 'shpo' to be embedded\. Did you mean"):
        prepare(table, embed="shpo")
    with pytest.raises(DataError, match=r"'x' of 'data' is no category .* --categories too"):
        prepare(table, embed="deck,x")
    with pytest.raises(DataError, match="'x0' of 'data' is no category"):
        prepare(Table(np.arange(20.0).reshape(10, 2), np.arange(10) % 2), embed="x0")
    names = {"x": np.arange(40.0), "name": [f"n{place}" for place in range(40)]}
    with pytest.raises(DataError, match="each of its values stands in one training row only"):
        prepare(Table(names, np.arange(40) % 2), embed="name")


def test_seeds_share_the_number_of_vectors(table):
    splits = [prepare(table, embed="shop", train_size=120, seed=seed) for seed in range(4)]
    assert len({split.embeddings for split in splits}) > 1
    largest = max(split.embeddings[0] for split in splits)
    for split, own in zip(with_same_inputs(splits), splits, strict=True):
        assert split.embeddings == (largest,)
        assert split.feature_names[-1] == "shop"
        np.testing.assert_array_equal(split.train.inputs[:, -1], own.train.inputs[:, -1])
    uneven = [prepare(table, embed="20", train_size=size) for size in (40, 300)]
    with pytest.raises(DataError, match="embedded for some seeds and not for others"):
        with_same_inputs(uneven)
