"""From a configuration to a result: what `tfloss train` does between its options and its output."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tfloss.cluster.peers import Peers
from tfloss.data import PreparedData
from tfloss.objective import Objective
from tfloss.registry import Registry
from tfloss.student import make_student
from tfloss.teachers import FittedTeacher
from tfloss.training.bound_formula import BoundFormula
from tfloss.training.checkpoints.fingerprint import data_fingerprint
from tfloss.training.checkpoints.manager import Checkpoints
from tfloss.training.checkpoints.teachers import from_arrays
from tfloss.training.config import Config
from tfloss.training.loop.shuffling import steps_per_epoch
from tfloss.training.loop.train_loop import OnProgress
from tfloss.training.result import Result
from tfloss.training.teachers import Teachers, names_in
from tfloss.training.workers import fitted_once, require_same_training


def load_data(config: Config, registry: Registry) -> PreparedData:
    """Load and split the data of a configuration."""
    return config.prepare(config.table(registry))


@dataclass(frozen=True)
class Ready:
    """What a training needs before its student is trained.

    Attributes:
        data: split and scaled.
        teachers: fitted, with predictions for every row.
        seconds: how long the teachers took.
    """

    data: PreparedData
    teachers: dict[str, FittedTeacher]
    seconds: float


def prepare_run(
    config: Config,
    registry: Registry,
    *,
    n_jobs: int | None = None,
    cache: Path | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
    kept: Checkpoints | None = None,
    peers: Peers | None = None,
    import_tensorflow: Callable[[], None] = lambda: None,
    on_data: Callable[[PreparedData], None] = lambda data: None,
) -> Ready:
    """Load the data and fit the teachers, once the formula is known to fit data and model.

    Args:
        config: what is trained.
        registry: what names stand for.
        n_jobs: how many folds, and chunks of rows, teachers work on at once.
        cache: a folder in which teachers' predictions are kept.
        on_progress: called with a teacher's name, the rows it has answered, and all it will answer.
        kept: the checkpoints of the same run, which hold the teachers' predictions already.
        peers: the workers of the same training; the chief fits the teachers, and those that have
            other data, configurations or versions are refused.
        import_tensorflow: called before the formula is checked against the model, the first thing
            that needs TensorFlow; faults in data and teachers are reported before.
        on_data: called with the data as soon as they are loaded and split.
    """
    data = load_data(config, registry)
    on_data(data)
    require_same_training(peers, lambda: {**asdict(config), "rows": data_fingerprint(data)})
    if kept is not None and kept.fingerprint is not None:
        kept.require_same(data_fingerprint(data))
        return Ready(data, from_arrays(kept.teacher_arrays, kept.teacher_metadata), 0.0)

    def check_formula() -> None:
        """A fault here would cost a Gaussian process later."""
        if config.teacher:
            import_tensorflow()
            _bound(config, data, registry)

    started = time.perf_counter()
    fit = partial(
        config.fit_teachers,
        data,
        registry,
        n_jobs=n_jobs,
        cache=cache,
        on_progress=on_progress,
        tensors=names_in(config.formula),
        before_fit=check_formula,
    )
    teachers = fitted_once(peers, fit)
    return Ready(data, teachers, time.perf_counter() - started)


def run(
    config: Config,
    registry: Registry,
    on_progress: OnProgress | None = None,
    *,
    ready: Ready | None = None,
    **more: Any,
) -> Result:
    """Train what a configuration describes.

    Args:
        config: see `tfloss.training.config.Config`.
        registry: what names stand for.
        on_progress: called with the history after every chunk of epochs.
        ready: from `prepare_run`, where that was done before.
        **more: handed to `fit`, `callbacks=` for example.
    """
    ready = ready or prepare_run(config, registry)
    result = config.fit(
        ready.data, registry, teacher=ready.teachers, on_progress=on_progress, **more
    )
    result.seconds["teachers"] = ready.seconds
    return result


def objective_of(config: Config, registry: Registry) -> Objective:
    """The objective that a configuration would minimise; no teacher is fitted."""
    return _bound(config, load_data(config, registry), registry)


def _bound(config: Config, data: PreparedData, registry: Registry) -> Objective:
    student = make_student(
        config.model,
        inputs=data.n_features,
        outputs=data.n_outputs,
        registry=registry,
        seed=config.seed,
        embeddings=data.embeddings,
    )
    bound = BoundFormula(
        config.formula,
        student,
        data,
        registry,
        steps_per_epoch(len(data.train), config.batch_size, config.batches),
        config.allow_negative,
        config.seed,
    )
    return bound.expected(*Teachers(list(config.teacher)).names(config.formula, registry))
