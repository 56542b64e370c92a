"""Teachers that were fitted before: checked against the data, never fitted again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from tfloss.data import Columns, Encoder, PreparedData, Scaler
from tfloss.data.blocks import row_blocks
from tfloss.data.classes import label_text
from tfloss.errors import DataError, UsageError, listed
from tfloss.teachers.fingerprints import Fingerprints, comparable_rows
from tfloss.teachers.fitting.classifiers import FittedClassifier
from tfloss.teachers.fitting.estimator_check import check_regressor
from tfloss.teachers.fitting.regressors import FittedRegressor
from tfloss.teachers.views import FRAME, SCALED, UNSCALED, View, has_pandas, view_of

_DEEPEST = 6  # how far inside an estimator its training rows are looked for


NOT_CHECKED = (
    "Whether it was fitted on rows of the holdout is not known, since it keeps none of its rows; "
    "a file of tfloss.teachers.save_teacher knows them."
)


@dataclass(frozen=True, eq=False)
class PrefittedTeacher:
    """An estimator that was fitted before; what a factory returns instead of an unfitted one.

    Attributes:
        estimator: with `predict_proba`, or `predict` for regression; or a Keras model.
        source: where it came from, for messages.
        scaled: whether it was fitted on features scaled as here; else it gets them unscaled.
        scaler: how its features were scaled, for a network that does not scale them itself.
        encoder: how its gaps were filled and its categories encoded, before scaling, for a network
            that does neither.
        link: what a network's outputs are of the quantity that it predicts; see
            `tfloss.data.links`.
        features: their names, where the estimator does not know them.
        rows: the name of the data and the numbers of the rows that it was fitted on, where known.
        seen: fingerprints of the rows that it was fitted on, where known.
        allow_seen: take it though it was fitted on rows that are held out here.
    """

    estimator: Any
    source: str = ""
    scaled: bool = False
    scaler: Scaler | None = None
    encoder: Encoder | None = None
    link: str = ""
    features: tuple[str, ...] = ()
    rows: tuple[str, np.ndarray] | None = None
    seen: Fingerprints | None = None
    allow_seen: bool = False


def is_fitted(estimator: Any) -> bool:
    """Whether an estimator of scikit-learn's kind has been fitted."""
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    if not hasattr(estimator, "get_params") or isinstance(estimator, type):
        return False
    try:
        check_is_fitted(estimator)
    except (NotFittedError, TypeError):
        return False
    # What has nothing to fit always passes the check, so one learnt attribute must be there.
    return hasattr(estimator, "classes_") or hasattr(estimator, "n_features_in_")


def check_prefitted(
    known: PrefittedTeacher, data: PreparedData, name: str, calibrate: str = "auto"
) -> FittedClassifier | FittedRegressor:
    """The estimator, ready to predict this data.

    Raises:
        DataError: it knows other features or classes, or was fitted on rows of the holdout.
        UsageError: it is of the wrong kind, or has no probabilities.
    """
    estimator = known.estimator
    _same_features(estimator, data, name)
    refuse_lost_features(known, data, name)
    checked = known.allow_seen or _refuse_seen_holdout(known, data, name)
    view = _view(known, data, name)
    notes: tuple[str, ...] = (
        f"{type(estimator).__name__} was fitted before, and is not refitted.",
    )
    if known.allow_seen:
        notes += (
            "It may have seen rows of the holdout (allow_seen): its figures there may flatter.",
        )
    if not checked:
        notes += (NOT_CHECKED,)
    if calibrate not in ("auto", "none"):
        notes += ("It was fitted before, and is therefore not calibrated here.",)
    if data.classes is None:
        check_regressor(estimator, name, data.n_outputs)
        return FittedRegressor(estimator, name, notes, view, data.n_outputs)
    if not hasattr(estimator, "predict_proba") and calibrate != "none":
        raise UsageError(
            f"The teacher '{name}' ({type(estimator).__name__}) was fitted before and has no "
            f"probabilities; fit it inside CalibratedClassifierCV, or take its bare classes with "
            f"calibrate=none."
        )
    columns = _known_classes(estimator, data, name)
    unknown = sorted(set(range(len(data.classes))) - set(columns.tolist()))
    if unknown:
        names = listed(data.classes.names[position] for position in unknown)
        notes += (f"It does not know these classes: {names}.",)
    return FittedClassifier(estimator, columns, len(data.classes), name, notes, view)


def _same_features(estimator: Any, data: PreparedData, name: str) -> None:
    count = getattr(estimator, "n_features_in_", data.n_features)
    if count != data.n_features and not hasattr(estimator, "feature_names_in_"):
        raise DataError(
            f"The teacher '{name}' was fitted on {count} features, but '{data.name}' has "
            f"{data.n_features}; use one that was fitted on these data, or let it be fitted here."
        )
    if not hasattr(estimator, "feature_names_in_"):
        return
    names = tuple(map(str, estimator.feature_names_in_))
    if not set(names) <= set(data.source_names if data.source is None else data.source.names):
        refuse_other_features(names, data, name)


def _view(known: PrefittedTeacher, data: PreparedData, name: str) -> View:
    """As the estimator saw rows when it was fitted: by the names of columns that it knows."""
    if known.scaled:
        return view_of(SCALED, data, name)
    names = tuple(map(str, getattr(known.estimator, "feature_names_in_", ())))
    plain = not names or (names == data.source_names and data.encoder is None)
    if data.source is None or (plain and not (names and has_pandas())):
        return view_of(UNSCALED, data, name, estimator=known.estimator)
    return view_of(FRAME, data, name, names)


def refuse_other_features(names: tuple[str, ...], data: PreparedData, name: str) -> None:
    """Raise DataError when a teacher knows its features by other names, or in another order."""
    if names == data.feature_names:
        return
    if len(names) != data.n_features:
        raise DataError(
            f"The teacher '{name}' was fitted on {len(names)} features, but '{data.name}' has "
            f"{data.n_features}; use one that was fitted on these data, or let it be fitted here."
        )
    pairs = enumerate(zip(names, data.feature_names, strict=True))
    place = next(i for i, (own, given) in pairs if own != given)
    raise DataError(
        f"The teacher '{name}' was fitted on other features: its feature {place + 1} is "
        f"'{names[place]}', that of '{data.name}' is '{data.feature_names[place]}'; give the "
        f"columns in its order."
    )


def _known_classes(estimator: Any, data: PreparedData, name: str) -> np.ndarray:
    """The declared position of each of the estimator's classes, found by value, then by text."""
    assert data.classes is not None
    if not hasattr(estimator, "classes_"):
        return np.arange(len(data.classes))
    position = {str(text): place for place, text in enumerate(data.classes.names)}
    values = data.classes.values.tolist()
    position |= {label_text(value): place for place, value in enumerate(values)}
    own = [label_text(label) for label in np.asarray(estimator.classes_).tolist()]
    foreign = [label for label in own if label not in position]
    if foreign:
        raise DataError(
            f"The teacher '{name}' knows the classes {listed(own)}, but '{data.name}' has "
            f"{listed(data.classes.names)}; use one that was fitted on these classes."
        )
    return np.array([position[label] for label in own], dtype=np.int64)


def refuse_lost_features(known: PrefittedTeacher, data: PreparedData, name: str) -> None:
    """Refuse a model that wants unscaled features where scaling cannot be undone for every row."""
    kept = data.source is not None and hasattr(known.estimator, "get_params")
    if not (known.scaled or kept or data.scaler is None or data.scaler.affine):
        raise UsageError(
            f"The teacher '{name}' was fitted on unscaled features, which scale="
            f"'{data.scaler.kind}' does not keep; choose another scaling, or a teacher that was "
            f"fitted on features scaled like these (scaled=true)."
        )


def _refuse_seen_holdout(known: PrefittedTeacher, data: PreparedData, name: str) -> bool:
    """Refuse a model that knows rows of the holdout: by their hashes, or stored inside it.

    Returns:
        whether there was anything to tell it by, or no holdout to have seen.
    """
    estimator = known.estimator
    checked = known.seen is not None or not len(data.holdout)
    if known.seen is not None and len(data.holdout):
        rows, others = (_as_saved(part, estimator, data) for part in (data.holdout, data.train))
        found = known.seen.among(rows, others)
        if found.any():
            raise DataError(saw_holdout(name, int(found.sum()), data))
    every = list(_stored_rows(known.estimator, data.n_features))
    if not every:  # most estimators; hashing all rows is not free
        return checked
    train = set(_row_keys(data.train.inputs))
    holdout = set(_row_keys(data.holdout.inputs)) - train
    for stored in every:
        if data.scaler is not None and not known.scaled:
            stored = data.scaler.transform(stored)
        own = set(_row_keys(stored))
        # Centres and components have a column per feature too; rows are known by those that train.
        checked = checked or not own.isdisjoint(train)
        seen = holdout & own
        if seen:
            raise DataError(saw_holdout(name, len(seen), data))
    return checked


def _as_saved(part: Columns, estimator: Any, data: PreparedData) -> np.ndarray:
    """The rows of a part, (n, d) float64, as `save_teacher` hashed them."""
    if part.features is not None and data.source is not None:
        names = getattr(estimator, "feature_names_in_", data.source.names)
        return comparable_rows(part.features, data.source, tuple(map(str, names)))
    return part.inputs if data.scaler is None else data.scaler.restore(part.inputs)


def stored_holdout_rows(estimator: Any, train: np.ndarray, holdout: np.ndarray) -> int:
    """How many held-out rows, (n, d), a fitted estimator stores inside, of those not in `train`.

    Neighbours, support vectors and Gaussian processes store rows that they were fitted on; where
    an estimator stores none, 0 says nothing.
    """
    stored = list(_stored_rows(estimator, holdout.shape[1]))
    if not stored:  # most estimators; hashing all rows is not free
        return 0
    own = set(_row_keys(holdout)) - set(_row_keys(train))
    return max(len(own & set(_row_keys(rows))) for rows in stored)


def saw_holdout(name: str, rows: int, data: PreparedData) -> str:
    """The sentence about a teacher that was fitted on rows that are held out here."""
    return (
        f"The teacher '{name}' was fitted on {rows} of the {len(data.holdout)} rows that are held "
        f"out here; fit it on other rows, let it be fitted here, or take a saved one all the same "
        f"with FILE.skops:allow_seen=true."
    )


def _row_keys(rows: np.ndarray) -> list[bytes]:
    """A digest of each row: the rows themselves would need their memory once more."""
    found = []
    rows = np.asarray(rows).reshape(len(rows), int(np.prod(rows.shape[1:])))
    for block in row_blocks(*rows.shape):
        # Adding zero turns -0.0 into 0.0, which is the same number with other bytes.
        plain = np.ascontiguousarray(rows[block], np.float32) + np.float32(0)
        found += [blake2b(row, digest_size=16).digest() for row in plain]
    return found


def _stored_rows(
    thing: Any, width: int, depth: int = _DEEPEST, visited: set[int] | None = None
) -> Iterator[np.ndarray]:
    """Arrays with one column per feature, anywhere inside an estimator."""
    visited = set() if visited is None else visited
    if id(thing) in visited or depth < 0:
        return
    visited.add(id(thing))
    if isinstance(thing, np.ndarray):
        if thing.ndim == 2 and thing.shape[1] == width and thing.dtype.kind == "f":
            yield thing
        elif thing.dtype == object:
            for part in thing.ravel():
                yield from _stored_rows(part, width, depth - 1, visited)
        return
    if isinstance(thing, dict):
        parts = list(thing.values())
    elif isinstance(thing, list | tuple):
        parts = list(thing)
    else:
        parts = list(getattr(thing, "__dict__", {}).values())
    for part in parts:
        yield from _stored_rows(part, width, depth - 1, visited)
