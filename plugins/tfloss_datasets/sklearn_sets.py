"""The data sets that scikit-learn ships; nothing is downloaded.

The targets stay the integers that scikit-learn gives, so that results compare with it; the classes'
names travel along for people to read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tfloss

if TYPE_CHECKING:
    from tfloss.data import Table


def _table(name: str, loaded: Any, task: str) -> Table:
    from tfloss.data import Table

    return Table(
        features=loaded.data,
        target=loaded.target,
        feature_names=tuple(loaded.feature_names),
        name=name,
        task=task,  # type: ignore[arg-type]
        class_names=tuple(getattr(loaded, "target_names", ())),
    )


@tfloss.dataset
def breast_cancer() -> Table:
    """Wisconsin breast cancer: 569 rows, 30 features, 2 classes (malignant, benign)."""
    from sklearn.datasets import load_breast_cancer

    return _table("breast_cancer", load_breast_cancer(), "classification")


@tfloss.dataset
def wine() -> Table:
    """Wine recognition: 178 rows, 13 features, 3 classes."""
    from sklearn.datasets import load_wine

    return _table("wine", load_wine(), "classification")


@tfloss.dataset
def iris() -> Table:
    """Iris flowers: 150 rows, 4 features, 3 classes."""
    from sklearn.datasets import load_iris

    return _table("iris", load_iris(), "classification")


@tfloss.dataset
def digits(*, n_class: int = 10) -> Table:
    """Handwritten digits, 8 x 8 pixels: 1797 rows, 64 features, 10 classes.

    n_class: keep the digits below this number.
    """
    from sklearn.datasets import load_digits

    loaded = load_digits(n_class=n_class)
    loaded.target_names = loaded.target_names[:n_class]
    return _table("digits", loaded, "classification")


@tfloss.dataset
def diabetes() -> Table:
    """Progress of diabetes after a year: 442 rows, 10 features; a quantity, for regression."""
    from sklearn.datasets import load_diabetes

    return _table("diabetes", load_diabetes(), "regression")


@tfloss.hookimpl
def tfloss_datasets() -> list:
    """What this module registers."""
    return [breast_cancer, wine, iris, digits, diabetes]
