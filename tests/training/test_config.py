"""Every value of a configuration reaches what it is about."""

import inspect
from dataclasses import fields

import pytest

from tfloss.cli.main import cli
from tfloss.data import prepare
from tfloss.teachers import fit_teachers
from tfloss.training.config import CHOICE, LAYOUT, SPLIT, TEACHERS, TRAINING, Config
from tfloss.training.fit import fit

NAMES = {field.name for field in fields(Config)}
TABLE = {"data", "target", "weight", "columns", "task", *CHOICE, *LAYOUT}
NAMED = {
    "formula",
    "networks",
    "model",
    "teacher",
    "augment",
    "augment_noise",
    "seed",
    "split_seed",
}


def test_each_value_is_taken_by_one_step():
    parts = [TABLE, set(SPLIT), set(TEACHERS), set(TRAINING) - {"seed"}, NAMED & NAMES]
    assert sum(map(len, parts)) == len(NAMES)
    assert set().union(*parts) == NAMES


@pytest.mark.parametrize(
    ("taker", "names"),
    [(prepare, SPLIT), (fit_teachers, TEACHERS.values()), (fit, TRAINING)],
    ids=["prepare", "fit_teachers", "fit"],
)
def test_each_step_knows_its_values(taker, names):
    assert set(names) <= set(inspect.signature(taker).parameters)


def test_each_value_is_an_option_of_train():
    assert {option.name for option in cli.get_command(None, "train").params} >= NAMES


@pytest.mark.parametrize("command", ["compare", "search"])
def test_an_option_reads_the_same_in_every_command(command):
    theirs = {option.name: option for option in cli.get_command(None, command).params}
    for option in cli.get_command(None, "train").params:
        if option.name in NAMES & set(theirs) - {"formula", "compile"}:
            assert theirs[option.name].to_info_dict() == option.to_info_dict()


def test_values_and_where_they_come_from(monkeypatch):
    seen = {}
    monkeypatch.setattr("tfloss.training.fit.fit", lambda *args, **more: seen.update(more) or args)
    config = Config(formula="bce", optimizer="sgd", on_nan="skip", precision="mixed_float16")
    assert config.fit("data", "registry", callbacks=[1]) == ("bce", "data", config.model)
    expected = {name: getattr(config, name) for name in TRAINING}
    assert seen == expected | {"registry": "registry", "callbacks": [1]}
