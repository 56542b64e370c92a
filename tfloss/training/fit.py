"""Train a student on prepared data with a formula: what the command line and Python both call."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from tfloss.data import PreparedData
from tfloss.display import in_notebook, renderer
from tfloss.errors import UsageError
from tfloss.formula import Node
from tfloss.objective import Objective
from tfloss.registry import Declaration, Registry, registry_with
from tfloss.student import Student
from tfloss.teachers import FittedTeacher
from tfloss.training.checkpoints.fingerprint import (
    data_fingerprint,
    model_fingerprint,
    training_fingerprint,
)
from tfloss.training.checkpoints.manager import Checkpoints
from tfloss.training.checkpoints.opening import open_checkpoints
from tfloss.training.checkpoints.teachers import predictions_fingerprint, to_arrays
from tfloss.training.constant import remarks
from tfloss.training.launch import check_options, run_loop, student_of
from tfloss.training.loop.array_source import ArraySource
from tfloss.training.loop.in_memory import Engine
from tfloss.training.loop.shuffling import BatchOrder
from tfloss.training.loop.train_loop import Watcher
from tfloss.training.options import Batches, Compile, OnNan
from tfloss.training.program.batch import Batch, as_tensors
from tfloss.training.program.forward import StudentLoss
from tfloss.training.program.optimizers import make_optimizer
from tfloss.training.program.precision import Precision, with_loss_scaling
from tfloss.training.result import Result, all_scores
from tfloss.training.scope import full_scope
from tfloss.training.target_kind import for_the_loss, refuse_mixed_links, refuse_quantities
from tfloss.training.target_units import in_target_units, is_built_by_name, link_of
from tfloss.training.teachers import Teachers, columns_of, shapes_of


def fit(
    formula: str | Node,
    data: PreparedData,
    model: str | Student | Any = "mlp:10,10",
    *,
    teacher: Any = (),
    teacher_fit: str = "auto",
    teacher_calibrate: str = "auto",
    teacher_rows: int | None = None,
    teacher_force: bool = False,
    teacher_inputs: str = "auto",
    n_jobs: int | None = None,
    cache: str | Path | None = None,
    optimizer: str | Any = "adam",
    epochs: int = 200,
    batch_size: int = 32,
    batches: Batches = "shuffled",
    seed: int = 0,
    evaluate_every: int = 1,
    compile: Compile = "auto",
    on_nan: OnNan = "stop",
    precision: Precision = "float32",
    callbacks: Sequence[Any] = (),
    allow_negative: bool = False,
    scale_target: bool = True,
    losses: Iterable[Declaration] = (),
    registry: Registry | None = None,
    watch: Watcher | Literal["auto"] | None = "auto",
    checkpoint: str | Path | Checkpoints | None = None,
    checkpoint_every: str = "auto",
    resume: bool = False,
) -> Result:
    """Train a student to minimise a formula.

    Args:
        formula: the formula, text or tree.
        data: from `tfloss.load_data` or `tfloss.data.prepare`.
        model: 'mlp:10,10', 'package.module:factory', 'file.keras', or a Keras model whose output
            is logits (or ends in a sigmoid or softmax).
        teacher: 'gpc', an estimator, a list of specifications, or a mapping from name to either; or
            what `tfloss.teachers.fitting.fit_teachers` returned.
        teacher_fit: 'train': the teacher answers for rows that it was fitted on; 'cross': out of
            fold; 'auto': 'cross' where there are rows enough.
        teacher_calibrate: 'sigmoid', 'isotonic', 'temperature', 'none'; 'auto': where the teacher
            has no probabilities.
        teacher_rows: fit teachers on at most this many training rows.
        teacher_force: fit teachers even where that takes long.
        teacher_inputs: what teachers see of the features: 'scaled', 'unscaled', 'frame' or 'auto';
            see `tfloss.teachers.Options`.
        n_jobs: how many chunks of rows teachers are asked about at once.
        cache: a folder in which teachers' answers are kept.
        optimizer: 'adam', 'sgd:learning_rate=0.05', or a Keras optimizer.
        epochs: passes over the training rows.
        batch_size: rows per step.
        batches: 'shuffled': each row once per epoch, in a new order; 'replacement': each batch is
            drawn with replacement from all rows, and an epoch has as many full batches as fit into
            the rows; 'sequential': each row once per epoch, in the order of the data.
        seed: of the initial weights, the order of the rows, and the teachers.
        evaluate_every: evaluate on the holdout after every so many epochs.
        compile: 'auto', 'xla', 'graph' or 'eager'; see `tfloss.training.loop.in_memory`.
        on_nan: at a step that is not finite: 'stop'; 'skip' it; or 'lower': go back a chunk and
            halve the learning rate. Such a step never gets into the weights.
        precision: 'float32', 'mixed_float16' or 'mixed_bfloat16', of a student that is built here.
        callbacks: Keras callbacks; those that look at every batch make the loop go step by step.
        allow_negative: accept coefficients below zero.
        scale_target: let the outputs of a regressor that is built here start at the target's mean,
            in steps of its deviation; labels, teachers, losses and predictions keep its unit.
        losses: declared with `@tfloss.loss` in your program, for this call only.
        registry: what names stand for; everything installed unless said.
        watch: called with the history after every chunk of epochs; 'auto': in a notebook curves
            that grow (`tfloss.LiveCurves`), elsewhere nothing.
        checkpoint: a folder for checkpoints; meanwhile Ctrl-C saves before it ends the training.
        checkpoint_every: 'auto' (a minute, or what takes 1 % of the time), 'never' (only at the
            end, or when interrupted), '90s', '5m', '1h', '10epochs', '1000steps'.
        resume: go on from the folder's newest checkpoint, if there is one, to the same weights as
            without an interruption.

    Raises:
        Interrupted: Ctrl-C or SIGTERM came, and the checkpoint holds everything.
        FormulaError: the formula does not fit the registry or the scope.
        UsageError: an option that cannot be.
        DataError: data or teachers that cannot be used.
        NumericsError: the loss stopped being finite.
        PluginError: a plugin failed.
    """
    _refuse_model_first(formula)
    check_options(
        compile=compile,
        on_nan=on_nan,
        batches=batches,
        epochs=epochs,
        batch_size=batch_size,
        evaluate_every=evaluate_every,
    )
    registry = registry_with(registry, losses)
    data = for_the_loss(data, formula, registry)
    lesson = Teachers(
        teacher,
        teacher_fit,
        teacher_calibrate,
        teacher_rows,
        teacher_force,
        seed,
        n_jobs,
        cache,
        teacher_inputs,
    )
    started = time.perf_counter()
    with open_checkpoints(checkpoint, checkpoint_every, resume) as checkpoints:
        if checkpoints is not None:
            checkpoints.require_same(data_fingerprint(data))
        teachers = lesson.fitted(formula, data, registry, checkpoints)
        taught = time.perf_counter()
        sizes: dict[str, Any] = {"inputs": data.n_features, "outputs": data.n_outputs}
        student = student_of(model, **sizes, registry=registry, seed=seed, precision=precision)
        link = link_of(formula, registry)
        if scale_target and is_built_by_name(model):
            student = in_target_units(student, data, link)
        student.link = link if data.task == "regression" else ""
        order = BatchOrder(len(data.train), batch_size, batches=batches, seed=seed)
        texts = {name: t.text for name, t in teachers.items()}
        objective = Objective(
            formula,
            registry,
            full_scope(student, data, texts, shapes_of(teachers)),
            steps_per_epoch=order.steps_per_epoch,
            allow_negative=allow_negative,
            seed=seed,
        )
        refuse_quantities(objective, data)
        refuse_mixed_links(objective, data)
        fingerprint = {}
        if checkpoints is not None:  # before an optimizer of the user's is built
            predictions = predictions_fingerprint(teachers)
            rows = {"teachers": lesson.fingerprint(), "predictions": predictions}
            fingerprint = training_fingerprint(
                objective.text,
                {**data_fingerprint(data), **rows},
                [model if isinstance(model, str) else "", *model_fingerprint(student.model)],
                optimizer,
                seed=seed,
                epochs=epochs,
                batch_size=batch_size,
                batches=batches,
                evaluate_every=evaluate_every,
                precision=precision,
                compile=compile,
                on_nan=on_nan,
            )
        engine = Engine(
            StudentLoss(student, objective),
            with_loss_scaling(make_optimizer(optimizer), student.forward_model),
            as_tensors(columns_of(data, "train", teachers), objective.needs),
            _holdout(data, teachers, objective),
            batch_size=batch_size,
            rows=order.rows_per_epoch,
            evaluate_every=evaluate_every,
            compile=compile,
            work=epochs * order.steps_per_epoch,
        )
        watch = _watcher(watch)
        trained = run_loop(
            ArraySource(engine, order, data.train.rows),
            epochs,
            model=student.model,
            callbacks=callbacks,
            on_nan=on_nan,
            watch=watch,
            checkpoints=checkpoints,
            fingerprint=fingerprint,
            teachers=to_arrays(teachers) if checkpoints is not None else ({}, None),
        )
    seconds = {"teachers": taught - started, "training": time.perf_counter() - taught}
    finished = getattr(watch, "done", None)
    if finished is not None:
        finished(trained.history)
    return Result(
        student,
        objective,
        trained.history,
        all_scores(student, teachers, data, registry),
        teachers,
        data,
        seconds,
        trained.compiled_as,
        [*trained.events, *remarks(student, objective, data)],
        engine.traces,
    )


def _watcher(watch: Watcher | Literal["auto"] | None) -> Watcher | None:
    """What is told of the history."""
    if watch != "auto":
        return watch
    return renderer().LiveCurves() if in_notebook() else None


def _holdout(
    data: PreparedData, teachers: Mapping[str, FittedTeacher], objective: Objective
) -> Batch | None:
    if not len(data.holdout):
        return None
    return as_tensors(columns_of(data, "holdout", teachers), objective.needs)


def _refuse_model_first(formula: Any) -> None:
    if not isinstance(formula, (str, Node)):
        raise UsageError(
            f"tfloss.fit takes the formula first, and got a {type(formula).__name__}; for a Keras "
            f"model with arrays, call tfloss.fit_model(model, (x, y), formula)."
        )
