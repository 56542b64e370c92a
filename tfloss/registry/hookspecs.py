"""Every way to extend tfloss, on one page.

A plugin is a module, named by an entry point of the group `tfloss`, that implements any of these
hooks. Each returns a list of declarations (made with `@tfloss.loss`, `@tfloss.function`, …). A hook
is called once, when the command first needs to know names; it must not import TensorFlow or read
data.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from tfloss.registry.declarations import (
    Balance,
    Dataset,
    Declaration,
    Function,
    Loss,
    Metric,
    Model,
    Recipe,
    Reduction,
    Schedule,
    Teacher,
    Tracker,
)

PROJECT = "tfloss"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def tfloss_losses() -> Iterable[Loss]:  # type: ignore[empty-body]
    """Losses: functions that ask for tensors by name and return one value per example."""


@hookspec
def tfloss_functions() -> Iterable[Function]:  # type: ignore[empty-body]
    """Functions that a formula can call between losses or inside a loss's arguments."""


@hookspec
def tfloss_balances() -> Iterable[Balance]:  # type: ignore[empty-body]
    """Balances: methods that weigh the terms of a formula against each other in every step."""


@hookspec
def tfloss_reductions() -> Iterable[Reduction]:  # type: ignore[empty-body]
    """Reductions: ways from one value per example to one value per batch."""


@hookspec
def tfloss_schedules() -> Iterable[Schedule]:  # type: ignore[empty-body]
    """Schedules: coefficients that change with the step."""


@hookspec
def tfloss_teachers() -> Iterable[Teacher]:  # type: ignore[empty-body]
    """Teachers: factories of estimators with `fit` and `predict_proba` (or `predict`)."""


@hookspec
def tfloss_datasets() -> Iterable[Dataset]:  # type: ignore[empty-body]
    """Data sets: loaders that return a `tfloss.Table`."""


@hookspec
def tfloss_models() -> Iterable[Model]:  # type: ignore[empty-body]
    """Models: factories of Keras models whose output is logits."""


@hookspec
def tfloss_metrics() -> Iterable[Metric]:  # type: ignore[empty-body]
    """Metrics: figures of a finished student, computed with numpy."""


@hookspec
def tfloss_recipes() -> Iterable[Recipe]:  # type: ignore[empty-body]
    """Recipes: named, reproducible configurations of `tfloss train`."""


@hookspec
def tfloss_trackers() -> Iterable[Tracker]:  # type: ignore[empty-body]
    """Trackers: objects that are notified of a training, from its configuration to its files."""


@hookspec(firstresult=True)
def tfloss_find(kind: str, name: str) -> Declaration | None:
    """Find what is not listed: a file as a data set, a class name as a teacher, `module:factory`.

    Asked when no registered declaration of `kind` ('teacher', 'dataset', 'model') is called `name`.
    Return a declaration, or None to leave it to the next plugin.
    """
