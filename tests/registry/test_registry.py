"""Asking the registry, and filling it by hand."""

from __future__ import annotations

import types

import pytest

import tfloss
from tfloss.errors import PluginError, UsageError
from tfloss.registry import Dataset, Loss, Registry, Teacher


def test_own_declarations_stay_in_their_registry(registry):
    @tfloss.loss
    def mine(labels):
        """Mine."""
        return labels

    own = Registry(registry.plugins).add(mine)
    assert own.get(Loss, "mine").summary == "Mine."
    assert "mine" not in registry.losses
    assert set(own.losses) == {*registry.losses, "mine"}


def test_the_nearest_name_is_offered(registry):
    with pytest.raises(UsageError, match="Did you mean 'abs_kl'"):
        registry.get(Loss, "abskl")
    with pytest.raises(UsageError, match="Did you mean 'breast_cancer'"):
        registry.get(Dataset, "breastcancer")


def test_plugins_find_what_is_not_listed(registry, tmp_path):
    assert registry.get(Teacher, "ExtraTreesClassifier").kind == "teacher"
    assert registry.get(Dataset, str(tmp_path / "rows.csv")).kind == "dataset"


def test_a_name_belongs_to_one_thing_between_losses():
    @tfloss.loss(name="twice")
    def a_loss(labels):
        return labels

    @tfloss.function(name="twice", on="losses")
    def a_function(x):
        return x

    @tfloss.function(name="twice", on="tensors")
    def inside(x):
        return x

    registry = Registry().add(a_loss, inside)
    assert registry.in_formula("twice").kind == "loss"
    assert registry.in_formula("twice", "tensors").kind == "function"
    with pytest.raises(PluginError, match="already the loss"):
        Registry(strict=True).add(a_loss, a_function)


def test_a_module_is_a_plugin():
    module = types.ModuleType("a_module")

    @tfloss.loss
    def here(labels):
        return labels

    @tfloss.hookimpl
    def tfloss_losses():
        return [here]

    module.tfloss_losses = tfloss_losses
    registry = Registry()
    registry.add_module(module)
    assert registry.problems == []
    assert list(registry.losses) == ["here"]


def test_nothing_that_ships_has_a_problem(registry):
    assert registry.problems == []


def test_a_declaration_is_the_function_still():
    @tfloss.loss(range=(0, 1))
    def half(labels, *, by=2):
        """Half."""
        return labels / by

    assert half(4) == 2
    assert half.__doc__ == "Half."
    assert half.settings == {"by": 2}
    assert half.signature.required == ("labels",)
