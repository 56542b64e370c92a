"""What plugins declare, how they are loaded, and who is called what."""

from tfloss.registry.calls import call_plugin
from tfloss.registry.declarations import (
    Balance,
    Dataset,
    Declaration,
    Function,
    Loss,
    Metric,
    Model,
    Network,
    Recipe,
    Reduction,
    Schedule,
    Teacher,
    Tracker,
)
from tfloss.registry.decorators import (
    balance,
    dataset,
    function,
    loss,
    metric,
    model,
    recipe,
    reduction,
    schedule,
    teacher,
    tracker,
)
from tfloss.registry.hookspecs import hookimpl
from tfloss.registry.loading import Plugin
from tfloss.registry.loss_variables import LossVariable
from tfloss.registry.registry import Registry, check_settings, load_registry, registry_with

__all__ = [
    "Balance",
    "Dataset",
    "Declaration",
    "Function",
    "Loss",
    "LossVariable",
    "Metric",
    "Model",
    "Network",
    "Plugin",
    "Recipe",
    "Reduction",
    "Registry",
    "Schedule",
    "Teacher",
    "Tracker",
    "balance",
    "call_plugin",
    "check_settings",
    "dataset",
    "function",
    "hookimpl",
    "load_registry",
    "loss",
    "metric",
    "model",
    "recipe",
    "reduction",
    "registry_with",
    "schedule",
    "teacher",
    "tracker",
]
