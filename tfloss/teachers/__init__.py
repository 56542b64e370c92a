"""Soft targets from outside the network; scikit-learn estimators above all. No TensorFlow."""

from tfloss.teachers.column import PredictionsColumn
from tfloss.teachers.fitting.classifiers import FittedClassifier, fit_classifier
from tfloss.teachers.fitting.fit_teachers import fit_teachers
from tfloss.teachers.fitting.regressors import FittedRegressor, fit_regressor
from tfloss.teachers.predict_columns import columns_of, predict_columns
from tfloss.teachers.prefitted import PrefittedTeacher
from tfloss.teachers.saving import rows_of, save_teacher
from tfloss.teachers.spec.about import AboutTeacher, about_all, about_teacher
from tfloss.teachers.spec.building import build_estimator
from tfloss.teachers.spec.options import CALIBRATIONS, FITS, INPUTS, Options, options_text
from tfloss.teachers.spec.text import TeacherSpec, parse_teacher, parse_teachers
from tfloss.teachers.teacher import FittedTeacher

__all__ = [
    "CALIBRATIONS",
    "FITS",
    "INPUTS",
    "AboutTeacher",
    "FittedClassifier",
    "FittedRegressor",
    "FittedTeacher",
    "Options",
    "PredictionsColumn",
    "PrefittedTeacher",
    "TeacherSpec",
    "about_all",
    "about_teacher",
    "build_estimator",
    "columns_of",
    "fit_classifier",
    "fit_regressor",
    "fit_teachers",
    "options_text",
    "parse_teacher",
    "parse_teachers",
    "predict_columns",
    "rows_of",
    "save_teacher",
]
