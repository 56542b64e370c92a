"""Many trainings of several formulas on the same splits and weights, and what they show."""

from tfloss.comparison.comparison import Comparison, Reach, parse_reach
from tfloss.comparison.ranges import expand

__all__ = ["Comparison", "Reach", "expand", "parse_reach"]
