"""Soft targets from outside the network; scikit-learn estimators above all. No TensorFlow."""

from tfloss.teachers.about import AboutTeacher, about_all, about_teacher
from tfloss.teachers.building import build_estimator
from tfloss.teachers.columns import AnswersColumn
from tfloss.teachers.fitting import Fitted, fit_teacher
from tfloss.teachers.known import AlreadyFitted
from tfloss.teachers.options import CALIBRATIONS, FITS, Options, options_text
from tfloss.teachers.regression import FittedRegressor, fit_regressor
from tfloss.teachers.saving import rows_of, save_teacher
from tfloss.teachers.spec import TeacherSpec, parse_teacher, parse_teachers
from tfloss.teachers.supply import supply
from tfloss.teachers.teacher import FittedTeacher

__all__ = [
    "CALIBRATIONS",
    "FITS",
    "AboutTeacher",
    "AlreadyFitted",
    "AnswersColumn",
    "Fitted",
    "FittedRegressor",
    "FittedTeacher",
    "Options",
    "TeacherSpec",
    "about_all",
    "about_teacher",
    "build_estimator",
    "fit_regressor",
    "fit_teacher",
    "options_text",
    "parse_teacher",
    "parse_teachers",
    "rows_of",
    "save_teacher",
    "supply",
]
