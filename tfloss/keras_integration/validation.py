"""What can be said about arrays before the first batch: texts, class numbers, weights by class."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from tfloss.errors import DataError, UsageError
from tfloss.lazy import keras
from tfloss.student.structures import split_labels


def is_arrays(x: Any) -> bool:
    """Whether it is an array, or a structure of nothing but arrays."""
    parts = keras.tree.flatten(x)
    return bool(parts) and all(hasattr(part, "shape") and hasattr(part, "dtype") for part in parts)


def without_pandas(given: Any) -> Any:
    """The same with arrays in place of pandas' frames and series."""
    if hasattr(given, "iloc") and hasattr(given, "to_numpy"):
        return given.to_numpy()
    if isinstance(given, (list, tuple)):
        return type(given)(without_pandas(part) for part in given)
    if isinstance(given, dict):
        return {name: without_pandas(part) for name, part in given.items()}
    return given


def in_memory(x: Any) -> Any:
    """The same structure of numpy arrays."""
    return keras.tree.map_structure(np.asarray, x)


def check_labels(
    y: Any,
    shapes: Mapping[str, tuple[int | None, ...]],
    *,
    classification: bool,
    needs: Collection[str] = (),
) -> None:
    """Refuse labels that no batch could make sense of.

    Args:
        y: what `fit` was given.
        shapes: of the model's outputs by name, '' for the only one.
        classification: whether whole numbers are numbers of classes.
        needs: the names that the formula uses.

    Raises:
        UsageError: texts, or class numbers that the output has no column for.
    """
    if y is None or not is_arrays(y):
        return
    for name, values in _by_output(y, list(shapes), needs):
        if values.dtype.kind in "USO" and name in shapes:
            raise UsageError(
                f"The labels{_of(name)} are texts; encode them as class numbers first: "
                f"np.unique(y, return_inverse=True)[1]."
            )
        if classification and name in shapes and values.size:
            _check_classes(name, values, shapes[name])


def zero_for_minus_one(
    y: Any, shapes: Mapping[str, tuple[int | None, ...]], *, classification: bool
) -> Any:
    """Labels of -1 and 1, as margins are written, as 0 and 1; other labels as they are.

    Args:
        y: what `fit` was given.
        shapes: of the model's outputs by name, '' for the only one.
        classification: whether labels are classes.
    """
    if y is None or not classification or not is_arrays(y):
        return y
    if isinstance(y, Mapping):
        names = {name: "" if name == "labels" else name.removesuffix(".labels") for name in y}
        return {name: _from_margin(part, shapes.get(names[name])) for name, part in y.items()}
    if isinstance(y, (list, tuple)):
        return [_from_margin(p, s) for p, s in zip(y, shapes.values(), strict=False)]
    return _from_margin(y, shapes.get(""))


def _from_margin(values: Any, shape: tuple[int | None, ...] | None) -> Any:
    array = np.asarray(values)
    if shape is None or shape[-1] != 1 or array.dtype.kind not in "if" or not array.size:
        return values
    if array.min() != -1 or not np.isin(array, (-1, 1)).all():
        return values
    return ((array + 1) / 2).astype(array.dtype)


def check_rows(x: Any, y: Any, weight: Any = None) -> None:
    """Refuse arrays of different lengths.

    Raises:
        DataError: with the lengths.
    """
    called = {"x": x, "y": y, "sample_weight": weight}
    counts = {
        name: sorted({rows for part in keras.tree.flatten(given) for rows in tuple(part.shape)[:1]})
        for name, given in called.items()
        if given is not None and is_arrays(given)
    }
    if len({count for some in counts.values() for count in some}) > 1:
        said = ", ".join(f"{name} {' and '.join(map(str, some))}" for name, some in counts.items())
        raise DataError(f"Inputs, labels and weights have different numbers of rows: {said}.")


def check_inputs(x: Any, shapes: Mapping[str, tuple[int | None, ...]]) -> None:
    """Refuse arrays that a functional model's inputs cannot take.

    Args:
        x: the model's own inputs, of what `fit` was given.
        shapes: of the inputs by name.

    Raises:
        DataError: another number of columns than the model was built for.
    """
    if not is_arrays(x):
        return
    for (name, shape), part in zip(shapes.items(), keras.tree.flatten(x), strict=False):
        given = () if part is None else tuple(part.shape)
        if len(given) != len(shape):
            continue
        if any(want not in (None, have) for want, have in zip(shape[1:], given[1:], strict=True)):
            raise DataError(
                f"The model's input '{name}' takes rows of shape {shape[1:]}, but x has rows of "
                f"shape {given[1:]}."
            )


def check_columns(given: Any, columns: Collection[str]) -> None:
    """Refuse columns of texts.

    Args:
        given: `x` or `y` of `fit`.
        columns: the names of the declared ones.

    Raises:
        UsageError: one of them holds texts.
    """
    if not isinstance(given, Mapping):
        return
    for name in sorted(set(columns) & set(given)):
        if is_arrays(given[name]) and np.asarray(given[name]).dtype.kind in "USO":
            raise UsageError(
                f"The column '{name}' holds texts; losses compute with numbers, so encode them "
                f"first."
            )


def _check_classes(name: str, values: np.ndarray, shape: tuple[int | None, ...]) -> None:
    width = shape[-1]
    numbers = values.ndim == len(shape) - 1 or values.shape[-1] == 1
    # A column of fractions may be probabilities of the second class.
    kinds = "iu" if width == 1 else "iuf"
    if width is None or not numbers or values.dtype.kind not in kinds:
        return
    there = values[~np.isnan(values)] if values.dtype.kind == "f" else values
    if not there.size:
        return
    least, largest = there.min(), there.max()
    last = max(width, 2) - 1
    if least >= 0 and largest <= last and np.all(there == np.floor(there)):
        return
    columns = "1 column, for two classes" if width == 1 else f"{width} columns, one for each class"
    raise UsageError(
        f"The labels{_of(name)} go from {least} to {largest}, but the output has {columns}: they "
        f"must be class numbers 0 … {last}; if they are quantities, say task='regression'."
    )


def _by_output(
    y: Any, names: list[str], needs: Collection[str]
) -> Iterator[tuple[str, np.ndarray]]:
    if not names:
        return
    others = [name for name in y if not _is_labels(name, names)] if isinstance(y, Mapping) else []
    for name, values in split_labels(y, names, others, needs)[0].items():
        yield name, np.asarray(values)


def _is_labels(name: str, outputs: list[str]) -> bool:
    within = any(output.startswith(f"{name}.") for output in outputs)
    return name == "labels" or within or name.removesuffix(".labels") in outputs


def _of(name: str) -> str:
    return f" of '{name}'" if name else ""
