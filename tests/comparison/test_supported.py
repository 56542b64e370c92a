"""Every field of a configuration is honoured by comparisons and searches, or refused."""

from __future__ import annotations

from dataclasses import dataclass, fields

import pytest

from tests.cli.running import tfloss
from tests.comparison.test_replicates import CASES
from tfloss.comparison.supported import SUPPORT, refuse_unsupported
from tfloss.errors import UsageError
from tfloss.training.config import Config

FIELDS = {field.name: field.default for field in fields(Config)}

# Fields whose effect a test of its own shows, elsewhere.
SHOWN = {
    "formula": "tests.comparison.test_replicates: every case",
    "seed": "tests.comparison.test_replicates: FIRST is not the default",
    "epochs": "tests.comparison.test_replicates: EPOCHS is not the default",
    "evaluate_every": "tests.comparison.test_replicates: 4",
    "on_nan": "test_a_replicate_with_a_step_that_is_not_finite_is_trained_again_and_skips_it",
    "precision": "below",
    "watch": "below",
    "early_stopping": "tests.comparison.test_early_stopping",
    "validation_fraction": "of early stopping",
    "n_iter_no_change": "of early stopping",
    **dict.fromkeys(
        ("features", "drop", "task", "separator", "encoding", "header", "decimal"),
        "the table is one for all seeds: Config.table; tests.data.test_difficult_tables",
    ),
    "categories": "tests.runs.test_tables: encoded by each seed's rows",
    "embed": "tests.runs.test_tables: encoded by each seed's rows",
    "scale_target": "tests.training.test_target_units: a replicate has the units of its seed",
    "teacher_inputs": "Config.fit_teachers for each seed; tests.teachers.test_views",
    "networks": "tests.test_doors_terms: replicates are trained together",
    "split_seed": "tests.comparison.test_seeds: one split for all seeds",
}


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_in_the_table_and_shown_to_be_honoured(name):
    """A case holds a replicate against the training alone, with another value than the default."""
    assert name in SUPPORT, f"say in tfloss.comparison.supported what '{name}' means"
    values = [case[name] for case in CASES.values() if name in case]
    values += [case.get("data", "rows.csv") for case in CASES.values()] if name == "data" else []
    assert name in SHOWN or any(value != FIELDS[name] for value in values)


def test_nothing_else_is_in_the_table():
    assert set(SUPPORT) == set(FIELDS)


def test_a_field_without_a_line_is_refused_and_not_ignored():
    @dataclass(frozen=True)
    class Later(Config):
        patience: int = 0

    refuse_unsupported(Later(formula="bce"), "compare")
    with pytest.raises(UsageError, match="patience = 3"):
        refuse_unsupported(Later(formula="bce", patience=3), "compare")


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"precision": "mixed_float16"}, "float32"),
        ({"watch": "gradients"}, "leave it out"),
        ({"compile": "eager"}, "graph"),
        ({"on_nan": "lower"}, "skip"),
    ],
)
@pytest.mark.parametrize("command", ["compare", "search"])
def test_a_value_that_cannot_be_honoured_is_refused_in_one_sentence(command, values, word):
    with pytest.raises(UsageError, match=word) as refused:
        refuse_unsupported(Config(formula="bce", **values), command)
    assert f"`tfloss {command}`" in str(refused.value)
    assert str(refused.value).count(". ") == 0


def test_a_file_that_asks_for_it_is_refused_before_tensorflow(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text('formulas = ["bce"]\nseeds = 2\ncompile = "eager"\n')
    answer = tfloss("compare", "--config", path, "--runs", tmp_path)
    assert answer.code == 2
    assert "compile = 'eager'" in answer.err
    assert "Traceback" not in answer.err
    assert list(tmp_path.iterdir()) == [path]
