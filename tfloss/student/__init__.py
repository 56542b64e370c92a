"""The network that is trained: built or taken over, its logits found, its layers in reach."""

from tfloss.student.build import check_model, known_layers, make_student
from tfloss.student.frozen import with_networks
from tfloss.student.saved import load_network
from tfloss.student.student import RESERVED, Student, prediction_entries, wrap_model
from tfloss.student.tapping import tap

__all__ = [
    "RESERVED",
    "Student",
    "check_model",
    "known_layers",
    "load_network",
    "make_student",
    "prediction_entries",
    "tap",
    "with_networks",
    "wrap_model",
]
