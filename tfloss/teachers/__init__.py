"""Soft targets from outside the network; scikit-learn estimators above all. No TensorFlow."""

from tfloss.teachers.column import AnswersColumn
from tfloss.teachers.fitting.classifiers import Fitted, fit_teacher
from tfloss.teachers.fitting.fit_teachers import supply
from tfloss.teachers.fitting.regressors import FittedRegressor, fit_regressor
from tfloss.teachers.prefitted import AlreadyFitted
from tfloss.teachers.saving import rows_of, save_teacher
from tfloss.teachers.spec.about import AboutTeacher, about_all, about_teacher
from tfloss.teachers.spec.building import build_estimator
from tfloss.teachers.spec.options import CALIBRATIONS, FITS, Options, options_text
from tfloss.teachers.spec.text import TeacherSpec, parse_teacher, parse_teachers
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
