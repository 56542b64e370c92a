"""The things that a plugin can declare; `tfloss.registry.decorators` has what declares them.

A declaration wraps a plain function and says what can be known without calling it: its name, what
it asks for, what holds of it. Declaring imports nothing and computes nothing.
"""

from tfloss.registry.declarations.balance import BALANCE_INPUTS, OF_GRADIENTS, Balance
from tfloss.registry.declarations.declaration import Declaration, shown
from tfloss.registry.declarations.loss import Loss
from tfloss.registry.declarations.of_formulas import (
    Context,
    Function,
    Network,
    Reduction,
    Schedule,
)
from tfloss.registry.declarations.of_trainings import (
    Dataset,
    Metric,
    Model,
    Recipe,
    Teacher,
    Tracker,
)
from tfloss.registry.declarations.state import STATE

__all__ = [
    "BALANCE_INPUTS",
    "OF_GRADIENTS",
    "STATE",
    "Balance",
    "Context",
    "Dataset",
    "Declaration",
    "Function",
    "Loss",
    "Metric",
    "Model",
    "Network",
    "Recipe",
    "Reduction",
    "Schedule",
    "Teacher",
    "Tracker",
    "shown",
]
