"""What every built-in loss declares, without TensorFlow."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

import tfloss_functions
import tfloss_losses
from tfloss.registry import Registry

MODULES = [
    module
    for module in (
        importlib.import_module(f"tfloss_losses.{found.name}")
        for found in pkgutil.iter_modules(tfloss_losses.__path__)
    )
    if hasattr(module, "tfloss_losses")
]
LOSSES = [loss for module in MODULES for loss in module.tfloss_losses()]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_a_loss_explains_itself(loss):
    assert loss.summary.endswith(".")
    assert len(loss.summary) <= 100
    assert loss.latex
    assert loss.latex.count("{") == loss.latex.count("}")
    assert "Returns a scalar" in loss.description or "Returns (batch,)" in loss.description
    assert ("Returns a scalar" in loss.description) == (loss.per == "batch")


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_the_docstring_names_every_tensor_and_setting(loss):
    for name in (*loss.signature.positional, *loss.settings):
        assert name in loss.description


def test_names_are_unique():
    names = [loss.name for loss in LOSSES]
    assert sorted(names) == sorted(set(names))


def test_declaring_does_not_import_tensorflow():
    modules = [module.__name__ for module in MODULES]
    program = (
        f"import importlib, sys\nfor name in {modules}:\n"
        "    importlib.import_module(name).tfloss_losses()\n"
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_built_in_plugins_do_not_clash():
    registry = Registry(strict=True)
    for package in (tfloss_losses, tfloss_functions):
        for found in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{found.name}")
            if any(name.startswith("tfloss_") for name in vars(module)):
                registry.add_module(module)
    assert registry.problems == []
    assert registry.losses.keys() == {loss.name for loss in LOSSES}
