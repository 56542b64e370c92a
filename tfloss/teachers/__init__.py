"""Soft targets from outside the network; scikit-learn estimators above all. No TensorFlow."""

from tfloss.teachers.building import build_estimator
from tfloss.teachers.fitting import Fitted, ask, fit_teacher
from tfloss.teachers.spec import TeacherSpec, parse_teacher, parse_teachers
from tfloss.teachers.teacher import FittedTeacher, supply

__all__ = [
    "Fitted",
    "FittedTeacher",
    "TeacherSpec",
    "ask",
    "build_estimator",
    "fit_teacher",
    "parse_teacher",
    "parse_teachers",
    "supply",
]
