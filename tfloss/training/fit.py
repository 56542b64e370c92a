"""Train a student on prepared data with a formula: what the command line and Python both call."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tfloss.cluster.peers import Peers
from tfloss.data import Columns, PreparedData
from tfloss.data.class_weights import with_class_weights
from tfloss.data.validation import validation_split
from tfloss.display import in_notebook, renderer
from tfloss.errors import UsageError
from tfloss.formula import Node, as_node, to_text
from tfloss.io.quiet_import import import_tensorflow
from tfloss.objective import GradientMonitor, Objective
from tfloss.registry import Declaration, Registry, registry_with
from tfloss.student import Student, with_networks
from tfloss.student.build import is_built_by_name
from tfloss.teachers import FittedTeacher
from tfloss.training.bound_formula import BoundFormula
from tfloss.training.checkpoints.fingerprint import data_fingerprint
from tfloss.training.checkpoints.manager import Checkpoints
from tfloss.training.checkpoints.opening import open_checkpoints
from tfloss.training.checkpoints.teachers import predictions_fingerprint, to_arrays
from tfloss.training.kept import KeptTraining
from tfloss.training.launch import Trained, fingerprint_of, result_of, run_loop, student_of
from tfloss.training.loop.array_source import ArraySource
from tfloss.training.loop.early_stopping import EarlyStopping
from tfloss.training.loop.shuffling import BatchOrder
from tfloss.training.loop.train_loop import OnProgress
from tfloss.training.options import Batches, Compile, LoopOptions, OnNan
from tfloss.training.program.batch import Batch, as_tensors
from tfloss.training.program.precision import Precision
from tfloss.training.program.replication import Replication
from tfloss.training.result import Result
from tfloss.training.strategies import replication_of, scope_of, workers_of
from tfloss.training.target_kind import for_the_loss
from tfloss.training.target_units import in_target_units, link_of
from tfloss.training.teachers import Teachers, columns_of
from tfloss.training.workers import fitted_once, require_same_training


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
    watch: GradientMonitor | str | None = None,
    callbacks: Sequence[Any] = (),
    allow_negative: bool = False,
    scale_target: bool = True,
    class_weight: Any = None,
    early_stopping: bool = False,
    validation_fraction: float = 0.1,
    n_iter_no_change: int = 10,
    initial_epoch: int = 0,
    losses: Iterable[Declaration] = (),
    networks: Mapping[str, Any] | None = None,
    registry: Registry | None = None,
    on_progress: OnProgress | Literal["auto"] | None = "auto",
    checkpoint: str | Path | Checkpoints | None = None,
    checkpoint_every: str = "auto",
    resume: bool = False,
    strategy: Any = None,
    gather: bool = True,
) -> Result:
    """Train a student to minimise a formula.

    Args:
        formula: the formula, text or tree.
        data: from `tfloss.load_data` or `tfloss.data.prepare`.
        model: 'mlp:10,10', 'package.module:factory', 'file.keras', or a Keras model whose output
            is logits (or ends in a sigmoid or softmax).
        teacher: 'gpc', an estimator, a list of specifications, or a mapping from name to either; or
            what `tfloss.teachers.fitting.fit_teachers` returned.
        teacher_fit: 'train': the teacher predicts rows that it was fitted on; 'cross': out of
            fold; 'auto': 'cross' where there are rows enough.
        teacher_calibrate: 'sigmoid', 'isotonic', 'temperature', 'none'; 'auto': where the teacher
            has no probabilities.
        teacher_rows: fit teachers on at most this many training rows.
        teacher_force: fit teachers even where that takes long.
        teacher_inputs: what teachers see of the features: 'scaled', 'unscaled', 'frame' or 'auto';
            see `tfloss.teachers.Options`.
        n_jobs: how many chunks of rows teachers predict at once.
        cache: a folder in which teachers' predictions are kept.
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
        watch: 'gradients' or a `tfloss.GradientMonitor`: the norm of each term's gradient and the
            cosine of every two, measured every few steps and logged next to the terms.
        callbacks: Keras callbacks; those that look at every batch make the loop go step by step.
        allow_negative: accept coefficients below zero.
        scale_target: let the outputs of a regressor that is built here start at the target's mean,
            in steps of its deviation; labels, teachers, losses and predictions keep its unit.
        class_weight: how much the training rows of each class count, for teachers too: 'balanced',
            or a mapping from classes to weights; scores count all rows alike. Default: as
            `tfloss.load_data` was told.
        early_stopping: set some training rows aside, stop where the total on them is no longer
            less, and keep the weights of the epoch in which it was least.
        validation_fraction: the share of the labelled training rows that is set aside.
        n_iter_no_change: how many epochs in a row without an improvement are waited for.
        initial_epoch: epochs done before, by which schedules and the order of the rows go on;
            `epochs` counts them too.
        losses: declared with `@tfloss.loss` in your program, for this call only.
        networks: frozen networks by the name that the formula calls them by, Keras models or
            `.keras` files: `networks={"vgg": model}` for `mse(vgg(prediction), vgg(labels))`.
        registry: what names stand for; default: everything installed.
        on_progress: called with the history after every chunk of epochs; 'auto': in a notebook
            curves that grow (`tfloss.LiveCurves`), elsewhere nothing.
        checkpoint: a folder for checkpoints; meanwhile Ctrl-C saves before it ends the training.
        checkpoint_every: 'auto' (a minute, or what takes 1 % of the time), 'never' (only at the
            end, or when interrupted), '90s', '5m', '1h', '10epochs', '1000steps'.
        resume: go on from the folder's newest checkpoint, if there is one, to the same weights as
            without an interruption.
        strategy: a `tf.distribute` strategy, to train on several devices or machines; default: the
            one whose scope this is called in. `batch_size` is that of all replicas together, each
            has a slice of every batch, and the weights are those of one device, up to rounding. A
            model or an optimizer of your own has to be made in the strategy's scope.
        gather: under a strategy, whether losses about the whole batch (`nt_xent`, `dice`) see the
            rows of all replicas; else each replica's own, and their values are averaged.

    Raises:
        Interrupted: Ctrl-C or SIGTERM came, and the checkpoint holds everything.
        FormulaError: the formula does not fit the registry or the scope.
        UsageError: an option that cannot be.
        DataError: data or teachers that cannot be used.
        NumericsError: the loss stopped being finite.
        PluginError: a plugin failed.

    Example:
        >>> data = tfloss.load_data("breast_cancer", train_size=50)
        >>> result = tfloss.fit("bce + 0.1*abs_kl", data, "mlp:10,10", teacher="gpc", epochs=200)
        >>> result.scores["student on holdout"]["accuracy"]
    """
    _refuse_model_first(formula)
    options = LoopOptions(
        epochs=epochs,
        batch_size=batch_size,
        batches=batches,
        seed=seed,
        evaluate_every=evaluate_every,
        compile=compile,
        on_nan=on_nan,
        precision=precision,
        watch=GradientMonitor.of(watch),
        early_stopping=early_stopping,
        validation_fraction=validation_fraction,
        n_iter_no_change=n_iter_no_change,
        initial_epoch=initial_epoch,
    )
    teachers = Teachers(
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
    on_progress = live_curves_in_a_notebook() if on_progress == "auto" else on_progress
    replication = replication_of(strategy, model, gather)
    peers = workers_of(replication)
    with open_checkpoints(checkpoint, checkpoint_every, resume, peers) as checkpoints:
        registry = with_networks(registry_with(registry, losses), networks)
        result = _trained(
            formula,
            _weighted(for_the_loss(data, formula, registry), class_weight),
            model,
            registry,
            teachers,
            options,
            optimizer=optimizer,
            callbacks=callbacks,
            allow_negative=allow_negative,
            scale_target=scale_target,
            on_progress=on_progress,
            checkpoints=checkpoints,
            replication=replication,
            peers=peers,
        )
    finished = getattr(on_progress, "done", None)
    if finished is not None:
        finished(result.history)
    return result


def _trained(
    formula: str | Node,
    data: PreparedData,
    model: Any,
    registry: Registry,
    wanted: Teachers,
    options: LoopOptions,
    *,
    optimizer: Any,
    callbacks: Sequence[Any],
    allow_negative: bool,
    scale_target: bool,
    on_progress: OnProgress | None,
    checkpoints: Checkpoints | None,
    replication: Replication | None,
    peers: Peers | None,
) -> Result:
    """Student, teachers, objective, loop: in this order, so that faults come before the work."""
    data_identity = cache(
        partial(data_fingerprint, data)
    )  # a digest of all rows, taken once at most
    if checkpoints is not None:
        checkpoints.require_same(data_identity())
    require_same_training(
        peers,
        lambda: {"formula": to_text(as_node(formula)), **options.fingerprint(), **data_identity()},
    )
    link = link_of(formula, registry)
    with scope_of(replication):
        student = student_of(
            model, data.n_features, data.n_outputs, registry, options, data.embeddings
        )
        if scale_target and is_built_by_name(model):
            student = in_target_units(student, data, link)
    student.link = link if data.task == "regression" else ""
    trains, validates = _sides(data, options)
    order = _order(len(trains), options)
    per_epoch = order.steps_per_epoch
    bound = BoundFormula(
        formula,
        student,
        data,
        registry,
        per_epoch,
        allow_negative,
        options.seed,
        options.watch,
    )
    teachers, seconds = _fitted(wanted, bound, checkpoints, peers)
    objective = bound.objective(teachers)
    objective.gathers = replication is None or replication.gathers
    started = time.perf_counter()
    rows = partial(_rows, data_identity, wanted, teachers)
    fingerprint = fingerprint_of(checkpoints, objective, rows, model, student, optimizer, options)
    kept = KeptTraining(student, objective, optimizer, keep=not isinstance(model, str))
    columns = columns_of(data, "train", teachers)
    training = columns.at(trains) if len(validates) else columns
    with scope_of(replication):
        source = _source(kept, training, data, teachers, order, options, checkpoints, replication)
    student, objective = kept.student, kept.objective
    stopping = None
    if len(validates):
        rows_aside = as_tensors(columns.at(validates), objective.needs)
        stopping = EarlyStopping(source.step, rows_aside, options.n_iter_no_change)
        callbacks = [*stopping.callbacks, callbacks]
    trained = run_loop(
        source,
        options,
        model=student.model,
        callbacks=callbacks,
        on_progress=on_progress,
        checkpoints=checkpoints,
        fingerprint=fingerprint,
        teachers=to_arrays(teachers) if checkpoints is not None else ({}, None),
    )
    if stopping is not None:
        trained = _stopped(trained, stopping, options)
    spent = {"teachers": seconds, "training": time.perf_counter() - started}
    return result_of(
        trained,
        student,
        objective,
        data,
        registry,
        teachers=teachers,
        seconds=spent,
        traces=kept.release(),
    )


def _weighted(data: PreparedData, class_weight: Any) -> PreparedData:
    """The data whose training rows count by their classes; as they are where nothing is said."""
    train = with_class_weights(data.train, data.classes, class_weight, data.name)
    return data if train is data.train else replace(data, train=train)


def _sides(data: PreparedData, options: LoopOptions) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the training rows that train, and of those that tell when to stop."""
    if options.early_stopping:
        return validation_split(data, options.validation_fraction, options.seed)
    return np.arange(len(data.train)), np.empty(0, np.int64)


def _stopped(trained: Trained, stopping: EarlyStopping, options: LoopOptions) -> Trained:
    """With what early stopping did."""
    trained.history.best_epoch = stopping.best_epoch
    trained.history.validation = stopping.totals
    said = stopping.sentence(trained.history.latest.number, options.epochs)
    return trained._replace(events=[*trained.events, said])


def _order(rows: int, options: LoopOptions) -> BatchOrder:
    return BatchOrder(rows, options.batch_size, batches=options.batches, seed=options.seed)


def _fitted(
    wanted: Teachers, bound: BoundFormula, checkpoints: Checkpoints | None, peers: Peers | None
) -> tuple[dict[str, FittedTeacher], float]:
    """The teachers, and the seconds that they took; a formula that cannot be is refused before."""

    def check() -> None:
        aliases, layers = wanted.names(bound.formula, bound.registry)
        named = {name.split(".")[0] for name in bound.expected(aliases, layers).needs}
        for alias in aliases:
            if alias not in named:
                warnings.warn(
                    f"No term of the formula names the teacher '{alias}': it is fitted and scored, "
                    f"and teaches nothing; add kl(teacher={alias}) or the like.",
                    stacklevel=6,
                )

    started = time.perf_counter()
    if wanted.already_fitted:
        return wanted.already_fitted, time.perf_counter() - started
    before_fit: Callable[[], None] | None = check
    if peers is not None:
        check()  # by all: what it builds may be built with the others
        before_fit = None
    fit = partial(wanted.fitted, bound.formula, bound.data, bound.registry, checkpoints, before_fit)
    return fitted_once(peers, fit), time.perf_counter() - started


def _rows(
    data_identity: Callable[[], dict[str, Any]],
    wanted: Teachers,
    teachers: Mapping[str, FittedTeacher],
) -> dict[str, Any]:
    """What is trained on, for the fingerprint."""
    return {
        **data_identity(),
        "teachers": wanted.fingerprint(),
        "predictions": predictions_fingerprint(teachers),
    }


def _source(
    kept: KeptTraining,
    train: Columns,
    data: PreparedData,
    teachers: Mapping[str, FittedTeacher],
    order: BatchOrder,
    options: LoopOptions,
    checkpoints: Checkpoints | None,
    replication: Replication | None,
) -> ArraySource:
    """The rows `train`, with the compiled program that trains on them."""
    engine = kept.engine(
        as_tensors(train, kept.objective.needs),
        _holdout(data, teachers, kept.objective),
        batch_size=options.batch_size,
        rows=order.rows_per_epoch,
        evaluate_every=options.evaluate_every,
        compile=options.compile,
        work=(options.epochs - options.initial_epoch) * order.steps_per_epoch,
        before=None if checkpoints is None else checkpoints.compiled_as,
        replication=replication,
    )
    return ArraySource(engine, order, train.rows)


def live_curves_in_a_notebook() -> OnProgress | None:
    """`tfloss.LiveCurves` in a notebook, without TensorFlow's log over them; elsewhere None."""
    if not in_notebook():
        return None
    import_tensorflow()
    return renderer().LiveCurves()


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
