"""Write the loss as a formula; every name in it is a plugin or a tensor.

Declaring (for plugin authors):   loss, function, reduction, schedule, teacher, dataset, model,
                                  metric, recipe, hookimpl, tf
"""

from __future__ import annotations

from tfloss.errors import (
    DataError,
    NumericsError,
    PluginError,
    TflossError,
    UsageError,
    WorkerError,
)
from tfloss.lazy import keras, tf
from tfloss.registry import (
    dataset,
    function,
    hookimpl,
    loss,
    metric,
    model,
    recipe,
    reduction,
    schedule,
    teacher,
)

__version__ = "0.1.0"

__all__ = [
    "DataError",
    "NumericsError",
    "PluginError",
    "TflossError",
    "UsageError",
    "WorkerError",
    "dataset",
    "function",
    "hookimpl",
    "keras",
    "loss",
    "metric",
    "model",
    "recipe",
    "reduction",
    "schedule",
    "teacher",
    "tf",
]
