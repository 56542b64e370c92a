"""What is said of another training, and of the same one with other libraries."""

from __future__ import annotations

import warnings
from pathlib import Path

import keras
import pytest

from tfloss.errors import UsageError
from tfloss.training.checkpoints.fingerprint import (
    model_fingerprint,
    optimizer_fingerprint,
    require_same_run,
    versions_fingerprint,
)

LAYER = {"layer": "Dense", "units": 4}
OWN = {
    "formula": "bce",
    "seed": 3,
    "optimizer": {"class_name": "SGD"},
    "model": [LAYER, LAYER],
    "classes": ["no", "yes"],
    "rows": [1, 2, 3, 4, 5, 6],
    "many": [1, 2, 3, 4, 5, 6, 7],
    "versions": {"keras": "3.15.1", "numpy": "2.4.0"},
}


def differences(**now):
    with pytest.raises(UsageError) as error:
        require_same_run(OWN, {**OWN, **now}, Path("kept"))
    first, *lines, last = str(error.value).splitlines()
    assert first == "The checkpoints in 'kept' are of another training:"
    assert last == "Go on with the same, or start again in another folder."
    return [line.strip() for line in lines]


def test_the_same_is_taken_without_a_word():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        require_same_run(OWN, {**OWN, "rows": (1, 2, 3, 4, 5, 6)}, Path("kept"))  # JSON has lists


@pytest.mark.parametrize(
    ("now", "lines"),
    [
        ({"seed": 4}, ["seed: 3 in the checkpoint, 4 now"]),
        ({"formula": "kl", "seed": 4}, ["formula: bce in the checkpoint, kl now", "seed: 3"]),
        ({"fresh": 1}, ["fresh: null in the checkpoint, 1 now"]),
        ({"seed": None}, ["seed: 3 in the checkpoint, null now"]),
        ({"seed": {"a": 1}}, ['seed: 3 in the checkpoint, {"a": 1} now']),
        ({"optimizer": "adam"}, ['optimizer: {"class_name": "SGD"} in the checkpoint, adam now']),
        (
            {"model": [LAYER, {**LAYER, "units": 5}]},
            ["model[1].units: 4 in the checkpoint, 5 now"],
        ),
        # Short lists are shown whole, and so are lists of other lengths.
        ({"classes": ["yes", "no"]}, ['classes: ["no", "yes"] in the checkpoint, ["yes", "no"]']),
        ({"rows": [1, 2, 3, 4, 5, 7]}, ["rows: [1, 2, 3, 4, 5, 6] in the checkpoint, [1, 2, 3,"]),
        ({"many": [1, 2, 3, 4, 5, 6, 8]}, ["many[6]: 7 in the checkpoint, 8 now"]),
        ({"many": [1]}, ["many: [1, 2, 3, 4, 5, 6, 7] in the checkpoint, [1] now"]),
        ({"model": [LAYER]}, ['model: [{"layer": "Dense", "units": 4}, {"layer": "Dense", "u']),
    ],
)
def test_another_training_is_refused_with_every_difference(now, lines):
    found = differences(**now)
    assert len(found) == len(lines)
    for line, start in zip(found, lines, strict=True):
        assert line.startswith(start)


def test_long_values_are_cut_to_sixty_characters():
    [line] = differences(formula="x" * 60)
    assert line == f"formula: bce in the checkpoint, {'x' * 60} now"
    [line] = differences(formula="x" * 61)
    assert line == f"formula: bce in the checkpoint, {'x' * 59}… now"


def test_other_libraries_are_a_warning():
    other = {"keras": "3.15.1", "numpy": "2.5.0"}
    with pytest.warns(UserWarning, match="Going on with other libraries") as told:
        require_same_run(OWN, {**OWN, "versions": other}, Path("kept"))
    assert "versions.numpy: 2.4.0 in the checkpoint, 2.5.0 now." in str(told[0].message)
    assert differences(seed=4, versions=other) == ["seed: 3 in the checkpoint, 4 now"]


def test_the_versions_are_those_that_are_installed():
    import numpy

    found = versions_fingerprint()
    assert set(found) == {"tensorflow", "keras", "numpy"}
    assert found["numpy"] == numpy.__version__


def network(units=2, seed=0):
    layers = [keras.layers.Dense(units), keras.layers.Dropout(0.1, seed=seed)]
    return keras.Sequential([keras.Input((3,)), *layers])


def test_names_that_keras_numbers_and_seeds_that_it_draws_do_not_count():
    assert model_fingerprint(network(seed=1)) == model_fingerprint(network(seed=2))
    assert model_fingerprint(network()) != model_fingerprint(network(units=3))
    one, other = (keras.optimizers.SGD(0.1, name=name) for name in ("one", "other"))
    assert optimizer_fingerprint(one) == optimizer_fingerprint(other)
    assert optimizer_fingerprint(one) != optimizer_fingerprint(keras.optimizers.SGD(0.2))
    assert optimizer_fingerprint("adam") == "adam"
