"""Curves that grow in a notebook while a training runs."""

from __future__ import annotations

import sys
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tfloss.errors import UsageError
from tfloss.report.losses import Line, history_lines, losses_figure, thinned
from tfloss.report.theme import as_svg

_SECONDS = 0.5  # between pictures, at least
_SHARE = 0.1  # of the time, at most, goes into drawing


class LiveCurves:
    """Shows the losses in one picture that is redrawn as they come.

        tfloss.fit("bce + 0.1*abs_kl", data, teacher="gpc", on_progress=tfloss.LiveCurves())
        model.fit(x, y, callbacks=[tfloss.LiveCurves().callback()])

    In a notebook `tfloss.fit` does so by itself; `on_progress=None` keeps it quiet.

    Args:
        every: seconds between two pictures, at least; drawing takes a tenth of the time at most.

    Raises:
        UsageError: at the first picture, where IPython is not installed.
    """

    def __init__(self, every: float = _SECONDS) -> None:
        self._every = every
        self._next = 0.0
        self._handle: Any = None
        self.pictures = 0  # drawn so far

    def __call__(self, history: Any) -> None:
        """Draw what a tfloss History holds, if it is time."""
        if self._due():
            self._draw(_lines_of(history))

    def done(self, history: Any) -> None:
        """Draw the end, whatever the time; the next training has a picture of its own."""
        self._draw(_lines_of(history))
        _note(history, self._handle)
        self._begin()

    def callback(self) -> Any:
        """A Keras callback that looks at epochs: `loss`, the terms, and the same with `val_`."""
        from tfloss.lazy import keras

        live = self
        found: dict[str, list[tuple[int, float]]] = {}

        class Live(keras.callbacks.Callback):
            def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
                found.clear()
                live._begin()

            def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
                for name, value in (logs or {}).items():
                    found.setdefault(name, []).append((epoch + 1, float(value)))
                if live._due():
                    live._draw(_keras_lines(found), "epoch")

            def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
                live._draw(_keras_lines(found), "epoch")

        return Live()

    def _begin(self) -> None:
        self._next, self._handle = 0.0, None

    def _due(self) -> bool:
        return time.monotonic() >= self._next

    def _draw(self, lines: Iterable[Line], axis: str = "step") -> None:
        try:
            from IPython.display import HTML, display
        except ImportError:
            raise UsageError(
                "Live curves are drawn in a notebook, through IPython, which is not installed; "
                "install it with: pip install 'tfloss[notebook]'."
            ) from None
        started = time.monotonic()
        drawn = as_svg(losses_figure(list(lines), axis), "Losses")
        picture = HTML(f'<div style="max-width: 36em">{drawn}</div>')
        if self._handle is None:
            self._handle = display(picture, display_id=True)
        else:
            self._handle.update(picture)
        self.pictures += 1
        now = time.monotonic()
        self._next = now + max(self._every, (now - started) / _SHARE)


_finished: list[tuple[Any, Any, Any]] = []  # the last picture: its history, handle and cell


def _note(history: Any, handle: Any) -> None:
    _finished[:] = [(weakref.ref(history), handle, _cell())]


def take_over(history: Any) -> None:
    """Remove the live picture of a training whose result shows its curves in the same cell."""
    for drawn, handle, cell in _finished:
        if drawn() is history and handle is not None and cell is not None and cell == _cell():
            from IPython.display import HTML

            handle.update(HTML(""))
            _finished.clear()


def _cell() -> int | None:
    """The number of the notebook's cell that is running."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "execution_count", None)


def _lines_of(history: Any) -> Iterator[Line]:
    """The lines, made when they are drawn, so that the making counts as drawing."""
    yield from history_lines([epoch.as_dict() for epoch in history], history.names)


def _keras_lines(found: Mapping[str, Sequence[tuple[int, float]]]) -> Iterator[Line]:
    """What Keras logs; a term on the validation rows has the colour of the term, and dots."""
    styles = {"loss": -1}
    for name, points in found.items():
        plain = name.removeprefix("val_")
        style = styles.setdefault(plain, len(styles) - 1)
        epochs, values = zip(*thinned(points), strict=True)
        yield Line(name, style, epochs, values, holdout=plain != name)
