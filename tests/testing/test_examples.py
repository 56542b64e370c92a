"""The plugins under docs/examples: they register, pass the kit and their own tests, and train."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from tfloss.registry import Registry, load_registry
from tfloss.runs.folder import read_run, write_run
from tfloss.runs.train import run
from tfloss.testing import check_loss
from tfloss.training.config import Config

FOLDERS = sorted((Path(__file__).parents[2] / "docs/examples/plugins").iterdir())


def load(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def example(request, monkeypatch):
    """The folder, its module and its tests."""
    monkeypatch.syspath_prepend(request.param)
    project = tomllib.loads((request.param / "pyproject.toml").read_text(encoding="utf-8"))
    ((_, name),) = project["project"]["entry-points"]["tfloss"].items()
    return request.param, load(request.param / f"{name}.py"), request.param / f"test_{name}.py"


def test_an_example_passes_the_kit_and_its_own_tests(example):
    _, module, tests = example
    for loss in module.tfloss_losses():
        failed = [result for result in check_loss(loss) if result.status == "failed"]
        assert not failed, failed[0].message
    own = vars(load(tests))
    by_hand = [own[name] for name in own if name.startswith("test_") and name != "test_checks"]
    assert by_hand
    for test in by_hand:
        test()


def test_an_example_has_all_that_a_distribution_needs(example):
    folder, _, tests = example
    assert tests.is_file()
    assert (folder / "README.md").is_file()
    assert (folder / ".github/workflows/tests.yml").is_file()


def test_what_an_example_holds_is_trained_and_saved(tmp_path, monkeypatch):
    folder = next(folder for folder in FOLDERS if folder.name == "tfloss-remember")
    monkeypatch.syspath_prepend(folder)
    registry = Registry(load_registry().plugins)
    registry.add_module(load(folder / "tfloss_remember.py"))
    options = {
        "data": "iris",
        "formula": "ce + 0.01*centred(labels, hidden1) + 0.1*translated(inputs, hidden1)",
        "model": "mlp:5",
        "epochs": 5,
    }
    config = Config.from_mapping(options, origin="test")
    result = run(config, registry)
    held = read_run(write_run(tmp_path, config, result)).held()
    assert {path: value.shape for path, value in held.items()} == {
        "centred(labels, hidden1)/centres": (3, 5),
        "translated(inputs, hidden1)/projection": (5, 4),
    }
    assert np.all(np.any(held["centred(labels, hidden1)/centres"] != 0, axis=1))
