"""Trainings in TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import tfloss
from tfloss import tf


class _TensorBoard:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._step = 0

    def start(self, name: str, config: Mapping[str, Any]) -> None:
        self._train, self._holdout = (
            tf.summary.create_file_writer(str(self._folder / name / split))
            for split in ("train", "holdout")
        )
        rows = "\n".join(f"| {key} | `{_in_a_row(value)}` |" for key, value in config.items())
        with self._train.as_default():
            tf.summary.text("configuration", f"| | |\n| --- | --- |\n{rows}", step=0)

    def epoch(self, number: int, step: int, train: Any, holdout: Any) -> None:
        self._step = step
        for writer, values in ((self._train, train), (self._holdout, holdout)):
            with writer.as_default(step):
                for name, value in (values or {}).items():
                    tf.summary.scalar(f"terms/{name}", value)

    def scores(self, scores: Mapping[str, Mapping[str, float]]) -> None:
        for who, values in scores.items():
            writer = self._holdout if who.endswith("holdout") else self._train
            with writer.as_default(self._step):
                for name, value in values.items():
                    tf.summary.scalar(f"{who}/{name}", value)

    def finish(self, folder: Path | None) -> None:
        self._train.close()
        self._holdout.close()


def _in_a_row(value: Any) -> str:
    """A value in a row of a Markdown table, between backticks, where it can end neither."""
    text = str(value).replace("`", "'").replace("|", "¦")
    return " ".join(text.split())


@tfloss.tracker
def tensorboard(*, folder: str = "runs/tensorboard") -> Any:
    """TensorBoard: every term of every epoch, the scores, the configuration as text.

    folder: where event files go, in a folder of each training's own; `tensorboard --logdir FOLDER`
    shows them.  Needs tfloss[tensorboard].
    """
    if find_spec("tensorboard") is None:
        raise tfloss.UsageError(
            "The tracker 'tensorboard' needs TensorBoard: pip install 'tfloss[tensorboard]'."
        )
    return _TensorBoard(Path(folder))


@tfloss.hookimpl
def tfloss_trackers() -> list[Any]:
    """Everything in this module."""
    return [tensorboard]
