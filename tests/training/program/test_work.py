"""Layers that use their weights many times are that much more work."""

from __future__ import annotations

import keras

from tfloss.training.program.work import work_of


def work(shape, *layers):
    model = keras.Sequential([keras.Input(shape), *layers])
    return work_of(model, model.trainable_variables)


def test_a_dense_layer_uses_each_weight_once():
    assert work((5,), keras.layers.Dense(3)) == (5 * 3 + 3, 1)


def test_a_convolution_uses_them_at_every_position():
    convolution = keras.layers.Conv2D(4, 3)
    assert work((10, 12, 2), convolution) == (8 * 10 * (9 * 2 * 4 + 4), 1)


def test_a_dense_layer_over_tokens_for_every_token():
    assert work((7, 5), keras.layers.Dense(3)) == (7 * 18, 1)


def test_a_recurrent_layer_in_every_pass():
    weights = (5 + 3) * 3 + 3
    assert work((11, 5), keras.layers.SimpleRNN(3)) == (11 * weights, 11)


def test_an_embedding_looks_rows_up():
    assert work((7,), keras.layers.Embedding(100, 2)) == (200, 1)


def test_layers_inside_of_a_model_count():
    inner = keras.Sequential([keras.Input((7, 5)), keras.layers.Dense(3)])
    assert work((7, 5), inner) == (7 * 18, 1)


def test_without_layers_each_weight_counts_once():
    model = keras.Sequential([keras.Input((7, 5)), keras.layers.Dense(3)])
    assert work_of(None, model.trainable_variables) == (18, 1)
