"""Train on a `tf.data.Dataset`: data that are generated, read from files, or larger than memory.

The body is the same as for data in memory. Batches are stacked into blocks while the block before
is being trained on, and one compiled call goes over a whole block.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tfloss.data import Columns
from tfloss.errors import DataError, UsageError
from tfloss.formula import Node
from tfloss.objective import Entry, GradientMonitor, Objective, Scope
from tfloss.registry import Declaration, Registry, registry_with
from tfloss.student import Student, with_networks
from tfloss.training.checkpoints.fingerprint import columns_fingerprint
from tfloss.training.checkpoints.manager import Checkpoints
from tfloss.training.checkpoints.opening import open_checkpoints
from tfloss.training.kept import KeptTraining
from tfloss.training.launch import fingerprint_of, result_of, run_loop, student_of
from tfloss.training.loop.train_loop import OnProgress
from tfloss.training.options import Batches, Compile, LoopOptions, OnNan
from tfloss.training.program.batch import SAMPLE_WEIGHT
from tfloss.training.program.precision import Precision
from tfloss.training.program.replication import Replication
from tfloss.training.result import Result
from tfloss.training.strategies import replication_of, scope_of, workers_of
from tfloss.training.stream_data import stream_data
from tfloss.training.target_units import link_of
from tfloss.training.workers import require_same_training


def fit_stream(
    formula: str | Node,
    dataset: Any,
    model: str | Student | Any,
    *,
    steps_per_epoch: int,
    batch_size: int = 32,
    epochs: int = 1,
    task: str = "classification",
    holdout: Mapping[str, np.ndarray] | None = None,
    teacher: None = None,
    optimizer: str | Any = "adam",
    seed: int = 0,
    compile: Compile = "auto",
    precision: Precision = "float32",
    watch: GradientMonitor | str | None = None,
    batches: Batches = "sequential",
    callbacks: Sequence[Any] = (),
    allow_negative: bool = False,
    on_nan: OnNan = "stop",
    losses: Iterable[Declaration] = (),
    networks: Mapping[str, Any] | None = None,
    registry: Registry | None = None,
    on_progress: OnProgress | None = None,
    checkpoint: str | Path | Checkpoints | None = None,
    checkpoint_every: str = "auto",
    resume: bool = False,
    strategy: Any = None,
    gather: bool = True,
) -> Result:
    """Train a student to minimise a formula on a stream of batches.

    Args:
        formula: the formula, text or tree.
        dataset: a `tf.data.Dataset` whose elements are dictionaries of batches, each (rows, …):
            `inputs`, `labels`, and whatever else the formula names: a teacher's probabilities, an
            extra column. `sample_weight`, (rows,), weighs the rows. How many rows an element has
            does not matter: they are arranged into batches of `batch_size`. The dataset is
            repeated when it ends; shuffle it yourself.
        model: 'mlp:10,10' or a Keras model whose output is logits; as for `tfloss.fit`.
        steps_per_epoch: batches per epoch; an epoch is what the history has one entry for.
        batch_size: rows per step.
        epochs: how many epochs.
        task: 'classification' or 'regression'.
        holdout: rows by name, in memory, to evaluate on after each epoch.
        teacher: refused: a teacher's predictions are a column of the dataset.
        on_nan: at a step that is not finite: 'stop', 'skip' it, or 'lower' the learning rate.
        optimizer, seed, compile, precision, watch, allow_negative, losses, networks, registry,
        on_progress: as for `tfloss.fit`.
        batches: 'sequential': rows are taken as they come. Any other choice is the dataset's own
            to make (`shuffle`, `rejection_resample`), and refused here.
        callbacks: Keras callbacks; those that look at every batch make the loop go step by step.
        checkpoint, checkpoint_every, resume: as for `tfloss.fit`. The dataset must give the same
            batches again, and it is read again up to where the training was: give `shuffle`
            a seed.
        strategy, gather: as for `tfloss.fit`. Each worker reads the dataset and trains on its slice
            of every batch, so that it must give the same rows on all of them.

    Returns:
        The same as `tfloss.fit`; `scores` are those of the holdout, where it has labels of classes
        or quantities.

    Raises:
        DataError: elements that are no dictionaries, lack a column that the formula names, or end.
        UsageError: an option that cannot be.
        FormulaError, NumericsError, PluginError: as for `tfloss.fit`.

    Example:
        >>> rows = tf.data.Dataset.from_tensor_slices({"inputs": x, "labels": y}).batch(32)
        >>> result = tfloss.fit_stream("bce", rows, "mlp:10", steps_per_epoch=100, epochs=5)
    """
    options = LoopOptions(
        epochs=epochs,
        batch_size=batch_size,
        batches=batches,
        seed=seed,
        compile=compile,
        on_nan=on_nan,
        precision=precision,
        steps_per_epoch=steps_per_epoch,
        watch=GradientMonitor.of(watch),
    )
    _refuse_teacher(teacher)
    _refuse_order(batches)
    registry = with_networks(registry_with(registry, losses), networks)
    shapes = _column_shapes(dataset)
    replication = replication_of(strategy, model, gather)
    with scope_of(replication):
        student = _student(model, shapes, registry, options)
    student.link = link_of(formula, registry) if task == "regression" else ""
    objective = Objective(
        formula,
        registry,
        _scope(student, shapes, task),
        steps_per_epoch=steps_per_epoch,
        allow_negative=allow_negative,
        seed=seed,
        watch=options.watch,
    )
    objective.gathers = replication is None or replication.gathers
    peers = workers_of(replication)
    require_same_training(
        peers,
        lambda: {"formula": objective.text, "shapes": str(shapes), **options.fingerprint()},
    )
    with open_checkpoints(checkpoint, checkpoint_every, resume, peers) as checkpoints:
        return _trained(
            dataset,
            shapes,
            _holdout(holdout),
            model,
            student,
            objective,
            registry,
            options,
            task=task,
            optimizer=optimizer,
            callbacks=callbacks,
            on_progress=on_progress,
            checkpoints=checkpoints,
            replication=replication,
        )


def _trained(
    dataset: Any,
    shapes: Mapping[str, Any],
    holdout: Columns | None,
    model: Any,
    student: Student,
    objective: Objective,
    registry: Registry,
    options: LoopOptions,
    *,
    task: str,
    optimizer: Any,
    callbacks: Sequence[Any],
    on_progress: OnProgress | None,
    checkpoints: Checkpoints | None,
    replication: Replication | None,
) -> Result:
    """The loop over the stream, once everything is known to fit together."""
    started, steps = time.perf_counter(), options.steps_per_epoch
    assert steps is not None  # `fit_stream` requires it
    rows = partial(_rows, shapes, holdout)
    fingerprint = fingerprint_of(checkpoints, objective, rows, model, student, optimizer, options)
    kept = KeptTraining(student, objective, optimizer, keep=not isinstance(model, str))
    with scope_of(replication):
        source = kept.stream(
            dataset,
            holdout,
            steps_per_epoch=steps,
            batch_size=options.batch_size,
            compile=options.compile,
            work=options.epochs * steps,
            before=None if checkpoints is None else checkpoints.compiled_as,
            replication=replication,
        )
    student, objective = kept.student, kept.objective
    trained = run_loop(
        source,
        options,
        model=student.model,
        callbacks=callbacks,
        on_progress=on_progress,
        checkpoints=checkpoints,
        fingerprint=fingerprint,
    )
    return result_of(
        trained,
        student,
        objective,
        stream_data(shapes, holdout, task, student.n_outputs),
        registry,
        teachers={},
        seconds={"training": time.perf_counter() - started},
        traces=kept.release(),
    )


def _refuse_teacher(teacher: Any) -> None:
    if teacher is not None:
        raise UsageError(
            "A stream cannot be split into folds, so that no teacher is fitted; fit it before, and "
            "put its predictions into the dataset as a column: {'inputs': …, 'teacher': …}."
        )


def _refuse_order(batches: str) -> None:
    if batches != "sequential":
        raise UsageError(
            f"A stream's rows are taken as they come, so batches='{batches}' cannot be honoured; "
            f"shuffle or draw them in the dataset."
        )


def _rows(shapes: Mapping[str, Any], holdout: Columns | None) -> dict[str, Any]:
    """What is trained on, for the fingerprint."""
    return {
        "columns": {name: [str(n) for n in shape] for name, shape in shapes.items()},
        "holdout": columns_fingerprint(holdout),
    }


def _column_shapes(dataset: Any) -> dict[str, tuple[int | None, ...]]:
    """The shape of each column, None for the rows.

    Raises:
        DataError: the elements are not dictionaries of batches, or a shape is not known.
    """
    spec = getattr(dataset, "element_spec", None)
    if not isinstance(spec, Mapping) or "inputs" not in spec:
        raise DataError(
            "A stream's elements are dictionaries of batches with 'inputs' among them; for pairs "
            "say dataset.map(lambda x, y: {'inputs': x, 'labels': y})."
        )
    for name, column in spec.items():
        if column.shape.rank is None or None in column.shape.as_list()[1:]:
            raise DataError(
                f"The column '{name}' of the stream has shape {column.shape}; all axes but the "
                f"first, the rows, must be known: use tf.ensure_shape, or output_signature."
            )
        if name != SAMPLE_WEIGHT and column.shape.rank < 2:
            raise DataError(
                f"The column '{name}' of the stream has shape {column.shape}; columns are "
                f"(rows, width), labels (rows, 1): batch the dataset, or add an axis."
            )
    return {name: (None, *column.shape[1:]) for name, column in spec.items()}


def _student(
    model: Any, shapes: Mapping[str, Any], registry: Registry, options: LoopOptions
) -> Student:
    outputs = shapes["labels"][-1] if "labels" in shapes else None
    if isinstance(model, str) and outputs is None:
        raise UsageError("Without 'labels' in the stream, pass a Keras model.")
    if outputs is None and not isinstance(model, Student):
        outputs = model.output_shape[-1]
    sizes: dict[str, Any] = {"inputs": shapes["inputs"][-1], "outputs": outputs}
    return student_of(model, **sizes, registry=registry, options=options)


def _scope(student: Student, shapes: Mapping[str, Any], task: str) -> Scope:
    own = student.scope(task, student.link)
    columns = [name for name in shapes if name not in ("inputs", SAMPLE_WEIGHT)]
    taken = [name for name in columns if name in own]
    if taken:
        raise UsageError(
            f"The stream's column '{taken[0]}' has the name of a {own[taken[0]].origin}; "
            f"rename one."
        )
    return own | Scope([Entry(n, "stream", shapes[n], known_outside=True) for n in columns])


def _holdout(rows: Mapping[str, np.ndarray] | None) -> Columns | None:
    if rows is None:
        return None
    values = {name: np.asarray(column) for name, column in rows.items()}
    values = {n: c.astype(np.float32) if c.dtype == np.float64 else c for n, c in values.items()}
    return Columns(values, sample_weight=values.pop(SAMPLE_WEIGHT, None))
