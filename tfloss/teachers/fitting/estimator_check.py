"""Whether an estimator can teach these classes: said before anything is fitted."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfloss.errors import DataError, UsageError

_FOLDS = 5


def check_estimator(
    estimator: Any, codes: np.ndarray, name: str, calibrate: str = "auto"
) -> tuple[Any, tuple[str, ...]]:
    """The estimator, with what it lacks put around it, and a sentence for each such thing.

    Args:
        estimator: not fitted; what is put around it holds the object itself.
        codes: (n,) classes of the rows that it is to be fitted on, 0 … k-1, all occurring.
        name: the teacher's name, for messages.
        calibrate: see `Options`.

    Raises:
        UsageError: it cannot teach classes, or not so many; the reason is given.
        DataError: it has to be calibrated, and the rows are too few.
    """
    tags = _tags(estimator)
    kind = type(estimator).__name__
    if tags is not None:
        _refuse_by_tags(tags, kind, int(codes.max()) + 1, name)
    estimator, notes = _fed(estimator, tags, kind)
    if calibrate == "auto" and (hasattr(estimator, "predict_proba") or _may_have(estimator)):
        return estimator, notes
    if calibrate == "none":
        if not hasattr(estimator, "predict_proba"):
            notes += (f"{kind} has no probabilities: its classes are taken as nearly certain.",)
        return estimator, notes
    estimator, note = _calibrated(estimator, codes, kind, name, calibrate)
    return estimator, (*notes, note)


def _may_have(estimator: Any) -> bool:
    """Whether only fitting can tell if it has probabilities, as with StackingClassifier."""
    in_class = hasattr(type(estimator), "predict_proba")
    return in_class and not hasattr(estimator, "decision_function")


def _tags(estimator: Any) -> Any:
    """What the estimator says of itself; None for one that is not scikit-learn's kind."""
    from sklearn.utils import get_tags

    try:
        return get_tags(estimator)
    except Exception:  # without tags nothing is known, and nothing is refused
        return None


def _refuse_by_tags(tags: Any, kind: str, classes: int, name: str) -> None:
    if tags.estimator_type not in (None, "classifier"):
        raise UsageError(
            f"The teacher '{name}' ({kind}) is a {tags.estimator_type}, but the data have classes; "
            f"use a classifier."
        )
    _refuse_several_targets(tags, kind, name)
    about_classes = tags.classifier_tags
    if classes > 2 and about_classes is not None and not about_classes.multi_class:
        raise UsageError(
            f"The teacher '{name}' ({kind}) knows two classes only, and the training rows have "
            f"{classes}; put it into OneVsRestClassifier, or use another one."
        )


def check_regressor(estimator: Any, name: str, targets: int = 1) -> None:
    """Raise UsageError when the estimator cannot teach so many quantities."""
    from sklearn.base import is_classifier

    kind = type(estimator).__name__
    if is_classifier(estimator):
        # It would take every number for a class of its own.
        raise UsageError(
            f"The teacher '{name}' ({kind}) is a classifier, but the data are for regression; use "
            f"a regressor, RandomForestRegressor for example."
        )
    tags = _tags(estimator)
    if tags is not None and targets == 1:
        _refuse_several_targets(tags, kind, name)
    elif tags is not None and not tags.target_tags.multi_output:
        raise UsageError(
            f"The teacher '{name}' ({kind}) predicts one quantity, and the data have {targets}; "
            f"put it into sklearn.multioutput.MultiOutputRegressor."
        )


def _refuse_several_targets(tags: Any, kind: str, name: str) -> None:
    if not tags.target_tags.single_output:
        raise UsageError(
            f"The teacher '{name}' ({kind}) predicts several targets at once, and the data have "
            f"one; use the estimator inside it, or its form for one target."
        )


def _fed(estimator: Any, tags: Any, kind: str) -> tuple[Any, tuple[str, ...]]:
    """Give features that are not negative to an estimator that accepts no others."""
    if tags is None or not tags.input_tags.positive_only:
        return estimator, ()
    from sklearn.pipeline import make_pipeline

    if tags.input_tags.categorical:
        from sklearn.preprocessing import KBinsDiscretizer

        # Uniform bins: the highest always occurs in training, so no code is unknown later.
        bins = KBinsDiscretizer(5, encode="ordinal", strategy="uniform")
        note = f"{kind} needs categories: each feature is cut into 5 bins."
        return make_pipeline(bins, estimator), (note,)
    from sklearn.preprocessing import MinMaxScaler

    note = f"{kind} needs features that are not negative: scaled to 0…1."
    return make_pipeline(MinMaxScaler(clip=True), estimator), (note,)


def _calibrated(
    estimator: Any, codes: np.ndarray, kind: str, name: str, calibrate: str
) -> tuple[Any, str]:
    from sklearn.calibration import CalibratedClassifierCV

    has_probabilities = hasattr(estimator, "predict_proba")
    if not has_probabilities and not hasattr(estimator, "decision_function"):
        raise UsageError(
            f"The teacher '{name}' ({kind}) has neither probabilities nor a decision function to "
            f"calibrate; use another one, or its bare classes with calibrate=none."
        )
    rarest = int(np.min(np.bincount(codes)))
    if rarest < 2:
        why = "" if has_probabilities else "has no probabilities, and "
        raise DataError(
            f"The teacher '{name}' ({kind}) {why}calibrating it needs 2 rows of every class; train "
            f"on more rows, or use another teacher."
        )
    method = "sigmoid" if calibrate == "auto" else calibrate
    folds = min(_FOLDS, rarest)
    why = "calibrated" if has_probabilities else "has no probabilities: calibrated"
    note = f"{kind} {why} ({method}) by {folds}-fold cross-validation."
    return CalibratedClassifierCV(estimator, cv=folds, method=method), note
