"""scikit-learn's estimators as teachers: by short name, or any by the name of its class.

Every parameter of the class is a setting. Estimators without probabilities are calibrated.
"""

from __future__ import annotations

from typing import Any

import tfloss
from tfloss_teachers.columns import by_column
from tfloss_teachers.from_class import by_class_name, by_library, declare
from tfloss_teachers.references import by_reference
from tfloss_teachers.saved import by_file

# Short name: (dotted class, one line). Cheap to list: nothing is imported before it is used.
_SHORT = {
    "ada": ("sklearn.ensemble.AdaBoostClassifier", "AdaBoost."),
    "bagging": (
        "sklearn.ensemble.BaggingClassifier",
        "Bagging; `estimator=` names another teacher.",
    ),
    "br": ("sklearn.linear_model.BayesianRidge", "Bayesian ridge regression."),
    "dt": ("sklearn.tree.DecisionTreeClassifier", "A decision tree."),
    "et": ("sklearn.ensemble.ExtraTreesClassifier", "Extremely randomised trees."),
    "gb": ("sklearn.ensemble.GradientBoostingClassifier", "Gradient boosting."),
    "hgb": ("sklearn.ensemble.HistGradientBoostingClassifier", "Gradient boosting for many rows."),
    "knn": ("sklearn.neighbors.KNeighborsClassifier", "Nearest neighbours."),
    "lda": (
        "sklearn.discriminant_analysis.LinearDiscriminantAnalysis",
        "Linear discriminant analysis.",
    ),
    "linear_svc": ("sklearn.svm.LinearSVC", "Linear support vectors, calibrated."),
    "lr": ("sklearn.linear_model.LogisticRegression", "Logistic regression."),
    "mlp": ("sklearn.neural_network.MLPClassifier", "A small neural network of scikit-learn."),
    "nb": ("sklearn.naive_bayes.GaussianNB", "Gaussian naive Bayes."),
    "prior": ("sklearn.dummy.DummyClassifier", "The shares of the classes, for comparison."),
    "qda": (
        "sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis",
        "Quadratic discriminant analysis.",
    ),
    "rf": ("sklearn.ensemble.RandomForestClassifier", "A random forest."),
    "ridge": ("sklearn.linear_model.RidgeClassifier", "Ridge classifier, calibrated."),
    "rfr": ("sklearn.ensemble.RandomForestRegressor", "A random forest for regression."),
    "sgd": ("sklearn.linear_model.SGDClassifier", "A linear model by gradient descent."),
    "svc": ("sklearn.svm.SVC", "Support vectors, calibrated."),
}

# What the others of these give; all not named here have probabilities of their own.
_ANSWERS = {
    "br": "prediction and deviation",
    "linear_svc": "calibrated",
    "rfr": "prediction",
    "ridge": "calibrated",
    "sgd": "calibrated",
    "svc": "calibrated",
}


def _gpc_seconds(rows: int, classes: int) -> float:
    """About 8.8 s for 4000 rows on one processor; one binary process per class beyond two."""
    return 8.8 * (rows / 4000) ** 3 * (classes if classes > 2 else 1)


@tfloss.teacher(
    estimator="sklearn.gaussian_process.GaussianProcessClassifier",
    answers="probabilities",
    cost=_gpc_seconds,
)
def gpc() -> Any:
    """Gaussian process with kernel 1.0*RBF(1.0); its cost grows with the cube of the rows."""
    from sklearn.gaussian_process import GaussianProcessClassifier
    from sklearn.gaussian_process.kernels import RBF

    return GaussianProcessClassifier(kernel=1.0 * RBF(1.0))


def _gpr_seconds(rows: int, classes: int) -> float:
    """Every step of the search for the kernel's parameters costs the cube of the rows."""
    return 8.8 * (rows / 4000) ** 3


@tfloss.teacher(
    estimator="sklearn.gaussian_process.GaussianProcessRegressor",
    answers="prediction and deviation",
    cost=_gpr_seconds,
)
def gpr() -> Any:
    """Gaussian process for regression, with the noise and scale of the data learnt."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, WhiteKernel

    return GaussianProcessRegressor(1.0 * RBF(1.0) + WhiteKernel(), normalize_y=True)


@tfloss.teacher(estimator="tfloss_teachers.ensemble.EnsembleClassifier", answers="probabilities")
def ensemble(*, estimators: Any, weights: str = "mean") -> Any:
    """Several teachers weighted by log-loss: `ensemble:estimators=[rf,gpc],weights=log_loss`."""
    from tfloss_teachers.ensemble import WEIGHTS, EnsembleClassifier

    if weights not in WEIGHTS:
        raise tfloss.UsageError(
            f"The teacher 'ensemble' cannot have weights={weights}; it is one of "
            f"{', '.join(WEIGHTS)}."
        )
    return EnsembleClassifier(estimators, weights)


@tfloss.teacher(estimator="sklearn.ensemble.VotingClassifier", answers="probabilities")
def voting(*, estimators: Any) -> Any:
    """The mean of several: `voting:estimators=[rf,svc]`; those without probabilities calibrated."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.ensemble import VotingClassifier

    fair = [
        (name, one if hasattr(one, "predict_proba") else CalibratedClassifierCV(one))
        for name, one in estimators
    ]
    return VotingClassifier(fair, voting="soft")


@tfloss.teacher(estimator="sklearn.ensemble.StackingClassifier", answers="probabilities")
def stacking(*, estimators: Any) -> Any:
    """A logistic regression on the answers of several: `stacking:estimators=[rf,knn]`."""
    from sklearn.ensemble import StackingClassifier

    return StackingClassifier(estimators)


@tfloss.hookimpl
def tfloss_teachers() -> list:
    """What this module registers."""
    shorts = [
        declare(name, dotted, summary, answers=_ANSWERS.get(name, "probabilities"))
        for name, (dotted, summary) in _SHORT.items()
    ]
    return [gpc, gpr, ensemble, voting, stacking, *shorts]


@tfloss.hookimpl(trylast=True)
def tfloss_find(kind: str, name: str) -> object | None:
    """A column, a saved estimator, `package.module:object`, or scikit-learn's name of a class."""
    if kind != "teacher":
        return None
    for find in (by_library, by_column, by_file, by_reference, by_class_name):
        found = find(name)
        if found is not None:
            return found
    return None
