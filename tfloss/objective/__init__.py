"""Formula + registry + scope -> something to call with tensors."""

from tfloss.objective.gradient_monitor import GradientMonitor
from tfloss.objective.objective import Objective, Outcome
from tfloss.objective.scope import Entry, Scope, Tensors
from tfloss.objective.terms import plan_terms
from tfloss.objective.total import total_of

__all__ = [
    "Entry",
    "GradientMonitor",
    "Objective",
    "Outcome",
    "Scope",
    "Tensors",
    "plan_terms",
    "total_of",
]
