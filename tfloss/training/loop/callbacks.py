"""Keras callbacks, called as often as they look and no oftener."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tfloss.lazy import keras

_BATCH_METHODS = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
_PLAIN = (bool, int, float, str)
_TEST_BATCH_METHODS = ("on_test_batch_begin", "on_test_batch_end")
_TEST_METHODS = ("on_test_begin", "on_test_end", *_TEST_BATCH_METHODS)


class Callbacks:
    """The callbacks of one training, which see the student and its optimizer.

    Args:
        callbacks: of Keras.
        model: the student.
        optimizer: the one that trains it.
        **params: what Keras tells them: epochs, steps, verbose.

    Attributes:
        see_epochs: whether there is any, so that the loop must stop after every epoch.
        see_batches: whether one looks at every batch, so that the loop must stop after every step.
        see_test_batches: whether one looks at every batch that is evaluated.
        see_tests: whether one is called around an evaluation, and may change the weights for it.
    """

    def __init__(self, callbacks: Sequence[Any], model: Any, optimizer: Any, **params: Any) -> None:
        if callbacks:
            callbacks = keras.tree.flatten(callbacks)  # Keras takes lists of lists
        self.see_epochs = bool(callbacks)
        self.see_batches = any(_looks(callback, _BATCH_METHODS) for callback in callbacks)
        self.see_test_batches = any(_looks(one, _TEST_BATCH_METHODS) for one in callbacks)
        self.see_tests = any(_looks(one, _TEST_METHODS) for one in callbacks)
        self._model = model
        self._all = list(callbacks)
        if callbacks:
            model.optimizer = optimizer  # where callbacks look for the learning rate
            model.stop_training = False
            self.list = keras.callbacks.CallbackList(list(callbacks), model=model, **params)

    def __getattr__(self, event: str) -> Any:
        """`on_epoch_end(…)` and the like: nothing happens where there are no callbacks."""
        if not event.startswith("on_"):
            raise AttributeError(event)
        return getattr(self.list, event) if self.see_epochs else lambda *_args, **_logs: None

    @property
    def kinds(self) -> list[str]:
        """The class of each."""
        return [type(callback).__name__ for callback in self._all]

    def state(self) -> tuple[dict[str, np.ndarray], list[dict[str, Any]]]:
        """What they hold; see `state_of`."""
        return state_of(self._all)

    def load(self, arrays: Mapping[str, np.ndarray], plain: Sequence[Mapping[str, Any]]) -> None:
        """Put back what `state` gave; see `load_state`."""
        load_state(self._all, arrays, plain)

    @property
    def initial_epoch(self) -> int:
        """Epochs done before, where a callback has restored them (`BackupAndRestore`)."""
        return getattr(self._model, "_initial_epoch", None) or 0 if self.see_epochs else 0

    @property
    def want_to_stop(self) -> bool:
        return self.see_epochs and bool(self._model.stop_training)


def state_of(callbacks: Sequence[Any]) -> tuple[dict[str, np.ndarray], list[dict[str, Any]]]:
    """What callbacks hold, as far as it is arrays or plain values: patience, the best weights."""
    arrays: dict[str, np.ndarray] = {}
    plain: list[dict[str, Any]] = []
    for number, callback in enumerate(callbacks):
        held = {name: _without_scalars(value) for name, value in _own_of(callback)}
        plain.append({name: value for name, value in held.items() if _is_plain(value)})
        for name, values in held.items():
            if _is_arrays(values):
                arrays |= {f"{number}:{name}:{n}": array for n, array in enumerate(values)}
    return arrays, plain


def load_state(
    callbacks: Sequence[Any],
    arrays: Mapping[str, np.ndarray],
    plain: Sequence[Mapping[str, Any]],
) -> None:
    """Put back what `state_of` gave; after `on_train_begin`, which resets them."""
    for callback, values in zip(callbacks, plain, strict=True):
        for name, value in values.items():
            setattr(callback, name, value)
    lists: dict[tuple[int, str], dict[int, np.ndarray]] = {}
    for key, array in arrays.items():
        number, name, place = key.split(":")
        lists.setdefault((int(number), name), {})[int(place)] = array
    for (callback_number, name), found in lists.items():
        setattr(callbacks[callback_number], name, [found[n] for n in sorted(found)])


def _own_of(callback: Any) -> Iterator[tuple[str, Any]]:
    """The attributes that are a callback's own."""
    yield from vars(callback).items() if hasattr(callback, "__dict__") else ()


def _without_scalars(value: Any) -> Any:
    """The same with Python's numbers for NumPy's."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: _without_scalars(item) for key, item in value.items()}
    return [_without_scalars(item) for item in value] if type(value) is list else value


def _is_plain(value: Any) -> bool:
    """Whether JSON holds it as it is: `History` keeps lists of numbers by name."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    if type(value) is list:
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, _PLAIN)


def _is_arrays(values: Any) -> bool:
    listed = isinstance(values, list) and bool(values)
    return listed and all(isinstance(array, np.ndarray) for array in values)


def _looks(callback: Any, methods: Sequence[str]) -> bool:
    """Whether a callback has methods of its own that Keras calls around every batch."""
    return any(_own(callback, method) for method in methods)


def _own(callback: Any, method: str) -> bool:
    found = getattr(callback, method)
    function = getattr(found, "__func__", found)  # LambdaCallback's are no methods
    if function is getattr(keras.callbacks.Callback, method):
        return False
    return not (_idle_between_epochs(callback) and _of_keras(function))


def _idle_between_epochs(callback: Any) -> bool:
    """Whether one of Keras' callbacks that can look at batches was made to look at epochs."""
    often = (getattr(callback, option, None) for option in ("save_freq", "update_freq"))
    profiles = getattr(callback, "_should_trace", False)
    timed = getattr(callback, "write_steps_per_second", False)
    return "epoch" in often and not (profiles or timed)


def _of_keras(function: Any) -> bool:
    return str(getattr(function, "__module__", "")).startswith("keras.")
