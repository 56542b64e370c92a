"""A student computed with other values of its weights, without a copy of its layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tfloss.lazy import keras


@contextmanager
def computing_with(
    model: Any, variables: Mapping[str, Any], values: Mapping[str, Any]
) -> Iterator[None]:
    """While the block runs, the model's variables have other values.

    Args:
        model: a Keras model.
        variables: some of its variables by path.
        values: tensors by path; variables that are not among them keep the values that they have,
            also those that an outer `keras.StatelessScope` gives them.
    """
    given = {id(variable): values[path] for path, variable in variables.items() if path in values}
    mapping = [(one, given.get(id(one), one.value)) for one in model.variables]
    with keras.StatelessScope(state_mapping=mapping):
        yield
