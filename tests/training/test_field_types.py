"""No value in a configuration ends in a traceback: it is taken, or refused in a sentence."""

from __future__ import annotations

import datetime
import math
from dataclasses import fields

import pytest

from tests.cli.running import tfloss as command
from tfloss.errors import TflossError, UsageError
from tfloss.runs.train import load_data
from tfloss.training.config import Config
from tfloss.training.preflight import check

FIELDS = [field.name for field in fields(Config)]
WRONG = [
    *("", "many", "\0", "a\nb", ":", "=", "../.."),
    *(True, 0, -1, 3, 2**31, 2**70, 0.5, -0.5, 1.5, 1e300, math.nan, math.inf),
    *([], ["many"], [1], [[]], {}, {"a": 1}, None, datetime.date(2026, 1, 1)),
]


def tried(values, registry) -> str:
    """'' where a configuration is taken and its data are read; else the sentence."""
    try:
        config = Config.from_mapping({"formula": "ce", "data": "iris", **values}, origin="'x.toml'")
        check(config, registry)
        load_data(config, registry)
    except TflossError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", FIELDS)
def test_wrong_values_are_refused_in_a_sentence(registry, name):
    said = [tried({name: value}, registry) for value in WRONG]
    assert any(said)
    assert tried({name: {"a": 1}}, registry).startswith(f"'x.toml': '{name}' cannot be {{'a': 1}}")


@pytest.mark.parametrize("name", FIELDS)
def test_in_python_too(name):
    with pytest.raises(UsageError, match=f"'{name}' cannot be"):
        Config(**{"formula": "bce", name: {"a": 1}})


def test_what_a_field_takes_is_said(registry):
    values = {"train_size": "many"}
    assert (
        tried(values, registry) == "'x.toml': 'train_size' cannot be 'many'; it is a whole number."
    )
    assert "it must be above 0 and at most 1" in tried({"train_fraction": 1.5}, registry)
    assert "it is true or false" in tried({"stratify": 1}, registry)
    assert "a list, each text" in tried({"columns": "abc"}, registry)


def test_the_command_line_refuses_a_file_in_the_same_words(tmp_path):
    path = tmp_path / "x.toml"
    path.write_text('formula = "bce"\nsplit_seed = "a"\n')
    answer = command("train", "--config", path)
    assert answer.code == 2
    assert f"'{path}': 'split_seed' cannot be 'a'; it is a whole number." in answer.err
