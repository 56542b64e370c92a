"""Losses of our own with a precaution taken out: the kit finds what it was there for."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tfloss.testing import check_loss

# Loss, module, the precaution and what would stand there, and the check that fails.
CATCHES = [
    (
        "coral",
        "regularised",
        [("tf.cast(weight, tf.float64)", "weight"), ("tf.cast(view, tf.float64)", "view")],
        "the same under XLA",
    ),
    ("hard_labels", "distillation", [("nan_of(teacher) - ", "-")], "NaN is not swallowed"),
    ("dkd", "distillation", [(" + nan_of(labels)", "")], "NaN is not swallowed"),
    (
        "gradient_penalty",
        "slopes",
        [
            (
                "    largest = tf",
                "    return (tf.norm(rows, axis=-1) - target) ** 2\n    largest = tf",
            )
        ],
        "finite gradients",
    ),
]


def without_precaution(name, module, changes):
    """The loss from its module's source with some of it replaced."""
    original = importlib.import_module(f"tfloss_losses.{module}")
    source = inspect.getsource(original)
    for now, before in changes:
        assert now in source, f"{module}.py has changed; say what the precaution is now"
        source = source.replace(now, before)
    changed = ModuleType(f"without_precaution_{module}")
    sys.modules[changed.__name__] = changed
    exec(compile(source, changed.__name__, "exec"), changed.__dict__)
    return getattr(changed, name)


@pytest.mark.parametrize(("name", "module", "changes", "check"), CATCHES, ids=lambda v: str(v)[:20])
def test_it_is_caught(name, module, changes, check):
    (result,) = check_loss(without_precaution(name, module, changes), checks=[check])
    assert result.status == "failed"


def test_the_document_names_them():
    text = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")
    section = text.split("## What it keeps out of our own")[1].split("\n## ")[0]
    told = re.findall(r"^\| `(\w+)`.*\| ([^|]+) \|$", section, re.MULTILINE)
    assert told == [(name, check) for name, _, _, check in CATCHES]
