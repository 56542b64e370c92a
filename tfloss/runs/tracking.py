"""Trackers are notified of a training; what goes wrong in one never ends it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tfloss.errors import UsageError, first_line
from tfloss.formula import parse_short_text
from tfloss.registry import Registry, Tracker, call_plugin, check_settings
from tfloss.training.config import Config

Made = tuple[str, Any]  # what the user wrote, and the tracker


def make_trackers(texts: Sequence[str], registry: Registry) -> list[Made]:
    """The trackers of 'tensorboard', 'mlflow:uri=…'.

    Raises:
        UsageError: an unknown name or setting, or a tracker that says what it lacks.
    """
    return [(text, _made(text, registry)) for text in texts]


def _made(text: str, registry: Registry) -> Any:
    wanted = parse_short_text(text, what="tracker")
    declaration = registry.get(Tracker, wanted.name)
    if wanted.values:
        raise UsageError(f"The tracker '{text}' takes settings by name: NAME:setting=value,….")
    check_settings(declaration, wanted.settings, refuse=UsageError)
    return call_plugin(declaration, f"--track {text}", **wanted.settings)


class Tracking:
    """The trackers of one training, as a context; leaving it by an error ends them too.

    They are notified of nothing before `start`.

    Args:
        trackers: from `make_trackers`.
        config: the training's.
        warn: called with a sentence when a tracker failed; it is notified of nothing more.
    """

    def __init__(
        self, trackers: Sequence[Made], config: Config, warn: Callable[[str], None]
    ) -> None:
        self._trackers, self._config, self._warn = list(trackers), config, warn
        self._seen = 0
        self._started = False

    def __enter__(self) -> Tracking:
        return self

    def start(self, ending: str = "", **more: Any) -> None:
        """Tell of the training's name and configuration.

        `ending` tells it from another of the same comparison; `more` is passed next to the
        configuration.
        """
        # Several can begin in one second, and in an hour that a clock repeats.
        when = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
        name = f"{Path(self._config.data).stem}-{when}{ending}"
        config = {k: v for k, v in asdict(self._config).items() if v is not None} | more
        self._started = True
        self._tell("start", name, config)

    def __exit__(self, *_: object) -> None:
        self.finish(None)

    def on_progress(self, history: Any) -> None:
        """Report every epoch since the last call; a progress hook of `fit`."""
        if not self._trackers:
            return
        fresh = []
        for place in range(len(history) - 1, -1, -1):
            epoch = history[place]
            if epoch.number <= self._seen:
                break
            fresh.append(epoch)
        for epoch in reversed(fresh):
            self.epoch(epoch.number, epoch.step, epoch.train, epoch.holdout)
        self._seen = history.latest.number

    def epoch(
        self,
        number: int,
        step: int,
        train: Mapping[str, float],
        holdout: Mapping[str, float] | None,
    ) -> None:
        """Report an epoch's terms."""
        self._tell("epoch", number, step, train, holdout)

    @property
    def progress_hook(self) -> Callable[[Any], None] | None:
        """`on_progress`, or None where nobody listens."""
        return self.on_progress if self._trackers else None

    def also(self, on_progress: Callable[[Any], None]) -> Callable[[Any], None]:
        """A progress hook that notifies another one too."""

        def both(history: Any) -> None:
            on_progress(history)
            self.on_progress(history)

        return both

    def scores(self, scores: Mapping[str, Mapping[str, float]]) -> None:
        """Tell of the metrics at the end."""
        self._tell("scores", scores)

    def finish(self, folder: Path | None) -> None:
        """Report the run's folder, or that there is none; afterwards nobody is notified."""
        if self._started:
            self._tell("finish", folder)
        self._trackers = []

    def _tell(self, event: str, *values: Any) -> None:
        for one in list(self._trackers):
            text, tracker = one
            try:
                getattr(tracker, event, lambda *_: None)(*values)
            except (Exception, SystemExit) as error:
                self._trackers.remove(one)
                reason = first_line(error)
                self._warn(
                    f"Warning: the tracker '{text}' failed ({type(error).__name__}: {reason}) and "
                    f"is left out from here on; the training goes on."
                )
