"""Initial weights of many seeds: the bytes of a model built for each."""

from __future__ import annotations

import numpy as np
import pytest

import tfloss
from tfloss.comparison.replicates import initial_weights as module
from tfloss.comparison.replicates.initial_weights import initial_weights
from tfloss.comparison.replicates.seeds import student_of
from tfloss.training.config import Config

DATA = tfloss.load_data("breast_cancer", train_size=10, test_size=10)
SEEDS = range(3, 8)


@pytest.mark.parametrize(
    ("model", "built"),
    [
        ("mlp:4,4", 2),
        ("tests.comparison.models:with_seeds", 2),
        ("tests.comparison.models:by_numpy", 2 + len(SEEDS)),  # looked at, and then each
    ],
)
def test_they_are_those_of_models_built_one_by_one(registry, monkeypatch, model, built):
    config, made = Config(formula="bce", model=model), []
    build = module._built
    monkeypatch.setattr(module, "_built", lambda *a: made.append(a[2]) or build(*a))
    template = student_of(config, DATA, SEEDS[0], registry)
    found = initial_weights(template, config, DATA, SEEDS, registry)
    assert len(made) == built
    for place, seed in enumerate(SEEDS):
        alone = student_of(config, DATA, seed, registry).forward_model.variables
        assert [v[place].tobytes() for v in found] == [v.numpy().tobytes() for v in alone]
    assert any(len(np.unique(values, axis=0)) == len(SEEDS) for values in found)
