"""Trainings in MLflow."""

from __future__ import annotations

import importlib
import posixpath
import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tfloss

_AT_ONCE = 1000  # metrics in one call, MLflow's limit
_LONGEST = 250  # characters of a name, MLflow's too
_NOT_IN_A_NAME = re.compile(r"[^\w\-. /]")


class _MLflow:
    def __init__(self, module: Any, uri: str | None, experiment: str) -> None:
        self._metric = importlib.import_module(f"{module.__name__}.entities").Metric
        self._client = module.MlflowClient(tracking_uri=uri)
        self._experiment = experiment
        self._waiting: list[Any] = []
        self._step = 0

    def start(self, name: str, config: Mapping[str, Any]) -> None:
        found = self._client.get_experiment_by_name(self._experiment)
        number = found.experiment_id if found else self._client.create_experiment(self._experiment)
        self._run = self._client.create_run(number, run_name=name).info.run_id
        for key, value in config.items():
            self._client.log_param(self._run, key, value)

    def epoch(self, number: int, step: int, train: Any, holdout: Any) -> None:
        self._step = step
        for split, values in (("train", train), ("holdout", holdout or {})):
            self._note((f"{split}/{name}", value) for name, value in values.items())

    def scores(self, scores: Mapping[str, Mapping[str, float]]) -> None:
        for who, values in scores.items():
            self._note((f"{who}/{name}", value) for name, value in values.items())

    def finish(self, folder: Path | None) -> None:
        self._send()
        if folder is not None:
            self._client.log_artifacts(self._run, str(folder))
        self._client.set_terminated(self._run, "FAILED" if folder is None else "FINISHED")

    def _note(self, values: Iterable[tuple[str, float]]) -> None:
        now = int(time.time() * 1000)
        for name, value in values:
            key = posixpath.normpath(_NOT_IN_A_NAME.sub("_", name).replace("..", "_"))[:_LONGEST]
            self._waiting.append(self._metric(key, float(value), now, self._step))
        if len(self._waiting) >= _AT_ONCE:
            self._send()

    def _send(self) -> None:
        while self._waiting:
            self._client.log_batch(self._run, metrics=self._waiting[:_AT_ONCE])
            del self._waiting[:_AT_ONCE]


@tfloss.tracker
def mlflow(*, uri: str | None = None, experiment: str = "tfloss") -> Any:
    """MLflow: the configuration as parameters, every term of every epoch, the scores, the files.

    uri: where MLflow keeps runs; default: MLflow's own (MLFLOW_TRACKING_URI).  experiment:
    its name; made where it is missing.  Needs tfloss[mlflow].
    """
    try:
        module = importlib.import_module("mlflow")
    except ImportError as error:
        raise tfloss.UsageError(
            "The tracker 'mlflow' needs MLflow: pip install 'tfloss[mlflow]'."
        ) from error
    return _MLflow(module, uri, experiment)


@tfloss.hookimpl
def tfloss_trackers() -> list[Any]:
    """Everything in this module."""
    return [mlflow]
