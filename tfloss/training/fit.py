"""Train a student on prepared data with a formula: what the command line and Python both call."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from tfloss.data import Columns, PreparedData
from tfloss.display import in_notebook, renderer
from tfloss.errors import UsageError
from tfloss.formula import Name, Node, as_node
from tfloss.objective import Objective
from tfloss.registry import Declaration, Registry, registry_with
from tfloss.student import Student, make_student
from tfloss.teachers import FittedTeacher, fit_teachers
from tfloss.training.checkpoints.fingerprint import (
    data_fingerprint,
    model_fingerprint,
    training_fingerprint,
)
from tfloss.training.checkpoints.manager import Checkpoints
from tfloss.training.checkpoints.opening import defer_interrupts, open_checkpoints
from tfloss.training.checkpoints.teachers import (
    from_checkpoint,
    predictions_fingerprint,
    teacher_fingerprint,
    to_arrays,
)
from tfloss.training.loop.array_source import ArraySource
from tfloss.training.loop.callbacks import Callbacks
from tfloss.training.loop.in_memory import Engine
from tfloss.training.loop.nan_guard import NanGuard
from tfloss.training.loop.shuffling import BatchOrder
from tfloss.training.loop.train_loop import Watcher, train
from tfloss.training.options import (
    BATCHES,
    COMPILE,
    ON_NAN,
    Batches,
    Compile,
    OnNan,
    at_least_one,
    one_of,
)
from tfloss.training.program.batch import as_tensors
from tfloss.training.program.forward import StudentLoss
from tfloss.training.program.optimizers import make_optimizer
from tfloss.training.program.precision import (
    Precision,
    computing_in,
    refuse_for_built_model,
    with_loss_scaling,
)
from tfloss.training.result import Result, all_scores
from tfloss.training.scope import full_scope
from tfloss.training.target_kind import refuse_quantities


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
    at_least_one(epochs=epochs, batch_size=batch_size, evaluate_every=evaluate_every)
    one_of("compile", compile, COMPILE)
    one_of("on_nan", on_nan, ON_NAN)
    one_of("batches", batches, BATCHES)
    registry = registry_with(registry, losses)
    started = time.perf_counter()
    with open_checkpoints(checkpoint, checkpoint_every, resume) as checkpoints:
        if checkpoints is not None:
            checkpoints.require_same(data_fingerprint(data))
        options: dict[str, Any] = {
            "seed": seed,
            "fit": teacher_fit,
            "calibrate": teacher_calibrate,
            "rows": teacher_rows,
            "force": teacher_force,
        }
        names = sorted(names_in(formula))
        teachers, asked_for = _already_asked(teacher), None
        if not teachers:
            asked_for = teacher_fingerprint(teacher, **options) if checkpoints is not None else None
            teachers = from_checkpoint(checkpoints, asked_for) or fit_teachers(
                teacher, data, registry, n_jobs=n_jobs, cache=cache, tensors=names, **options
            )
        asked = time.perf_counter()
        student = _student(model, data, registry, seed, precision)
        texts = {name: t.text for name, t in teachers.items()}
        order = BatchOrder(len(data.train), batch_size, batches=batches, seed=seed)
        objective = Objective(
            formula,
            registry,
            full_scope(student, data, texts, shapes_of(teachers)),
            steps_per_epoch=order.steps_per_epoch,
            allow_negative=allow_negative,
            seed=seed,
        )
        refuse_quantities(objective, data)
        if checkpoints is not None:  # before an optimizer of the user's is built
            fingerprint = training_fingerprint(
                objective.text,
                {
                    **data_fingerprint(data),
                    "teachers": asked_for if asked_for is not None else texts,
                    "answers": predictions_fingerprint(teachers),
                },
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
        keras_optimizer = with_loss_scaling(make_optimizer(optimizer), student.forward_model)
        holdout_batch = None
        if len(data.holdout):
            holdout_batch = as_tensors(columns_of(data, "holdout", teachers), objective.needs)
        engine = Engine(
            StudentLoss(student, objective),
            keras_optimizer,
            as_tensors(columns_of(data, "train", teachers), objective.needs),
            holdout_batch,
            batch_size=batch_size,
            rows=order.rows_per_epoch,
            evaluate_every=evaluate_every,
            compile=compile,
            work=epochs * order.steps_per_epoch,
        )
        guard = NanGuard(engine, on_nan)
        called = Callbacks(callbacks, student.model, keras_optimizer)
        if checkpoints is not None:
            checkpoints.begin({**fingerprint, "callbacks": called.kinds}, *to_arrays(teachers))
        watch = _watcher(watch)
        with defer_interrupts(checkpoints):
            history = train(
                ArraySource(engine, order, data.train.rows),
                epochs,
                callbacks=called,
                watch=watch,
                checkpoints=checkpoints,
                guard=guard,
            )
        finished = getattr(watch, "done", None)
        if finished is not None:
            finished(history)
    trained = time.perf_counter()
    return Result(
        student,
        objective,
        history,
        all_scores(student, teachers, data, registry),
        teachers,
        data,
        {"teachers": asked - started, "training": trained - asked},
        "eager" if called.see_batches else engine.compiled_as,
        guard.events,
    )


def _watcher(watch: Watcher | Literal["auto"] | None) -> Watcher | None:
    """What is told of the history."""
    if watch != "auto":
        return watch
    return renderer().LiveCurves() if in_notebook() else None


def _already_asked(teacher: Any) -> dict[str, FittedTeacher]:
    """The teachers themselves, where they have been fitted and asked about these data before."""
    if isinstance(teacher, Mapping) and all(isinstance(t, FittedTeacher) for t in teacher.values()):
        return dict(teacher)
    return {}


def _student(
    student: str | Student | Any, data: PreparedData, registry: Registry, seed: int, precision: str
) -> Student:
    """The student, built in this precision or taken as it is."""
    if isinstance(student, str):
        with computing_in(precision):
            return make_student(
                student,
                inputs=data.n_features,
                outputs=data.n_outputs,
                registry=registry,
                seed=seed,
            )
    refuse_for_built_model(precision)
    if isinstance(student, Student):
        return student
    return make_student(
        student, inputs=data.n_features, outputs=data.n_outputs, registry=registry, seed=seed
    )


def names_in(formula: str | Node) -> frozenset[str]:
    """Every name in a formula, of losses and of tensors."""
    return frozenset(node.name for node in as_node(formula).walk() if isinstance(node, Name))


def shapes_of(teachers: Mapping[str, FittedTeacher]) -> dict[str, Any]:
    """The tensors of all teachers with their shapes."""
    tensors = [item for t in teachers.values() for item in t.tensors("train").items()]
    return {name: (None, *values.shape[1:]) for name, values in tensors}


def columns_of(
    data: PreparedData, split: Literal["train", "holdout"], teachers: Mapping[str, FittedTeacher]
) -> Columns:
    """A split's columns with the answers of the teachers beside them."""
    part = getattr(data, split)
    values, present = dict(part.values), dict(part.present)
    for teacher in teachers.values():
        values |= teacher.tensors(split)
        present |= teacher.present(split)
    return Columns(values, present=present, sample_weight=part.sample_weight)


def _refuse_model_first(formula: Any) -> None:
    if not isinstance(formula, (str, Node)):
        raise UsageError(
            f"tfloss.fit takes the formula first, and got a {type(formula).__name__}; for a Keras "
            f"model with arrays, call tfloss.fit_model(model, (x, y), formula)."
        )
