"""`tfloss.fit_model`: the options of Keras' `fit`, carried out by the compiled engine."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfloss.errors import UsageError, did_you_mean, listed
from tfloss.formula import Node, as_node, to_text
from tfloss.keras_integration.array_dataset import Rows
from tfloss.keras_integration.attach import attach
from tfloss.keras_integration.callbacks import EpochLines, listed_callbacks, say_direction
from tfloss.keras_integration.checkpoint_callback import Checkpoint
from tfloss.keras_integration.engine_fit import EngineFit
from tfloss.keras_integration.model import Attached
from tfloss.keras_integration.tracebacks import plainly
from tfloss.keras_integration.validation import is_arrays, without_pandas
from tfloss.lazy import keras, tf
from tfloss.training.checkpoints.fingerprint import (
    model_fingerprint,
    networks_fingerprint,
    training_fingerprint,
)
from tfloss.training.checkpoints.manager import Checkpoints
from tfloss.training.checkpoints.opening import defer_interrupts, open_checkpoints
from tfloss.training.options import Compile, OnNan
from tfloss.training.program.forward import MODEL_TERM
from tfloss.training.program.optimizers import make_optimizer, reset_optimizer
from tfloss.training.program.program_cache import ProgramCache, Same, cache_of
from tfloss.training.strategies import replication_of, scope_of, workers_of
from tfloss.training.workers import require_same_training

_PLAIN = (str, bool, int, float, tuple, list, type(None))  # options that are compared by value


@plainly
def fit_model(
    model: Any,
    data: Any,
    formula: str | Node | None = None,
    *,
    optimizer: Any = None,
    epochs: int = 1,
    batch_size: int | None = None,
    shuffle: bool = True,
    validation_split: float = 0.0,
    validation_data: Any = None,
    validation_batch_size: int | None = None,
    class_weight: Mapping[int, float] | None = None,
    sample_weight: Any = None,
    initial_epoch: int = 0,
    callbacks: Any = (),
    verbose: Any = 0,
    compile: Compile = "auto",
    on_nan: OnNan | None = None,
    checkpoint: str | Path | Checkpoints | None = None,
    checkpoint_every: str = "auto",
    resume: bool = False,
    strategy: Any = None,
    gather: bool = True,
    **attaching: Any,
) -> Any:
    """Train a Keras model by the compiled engine; what comes out is what its `fit` gives.

    Args:
        model: attached, or any Keras model; one that is compiled keeps its optimizer and metrics.
        data: `(x, y)` or `(x, y, sample_weight)`, arrays or lists and dictionaries of arrays.
        formula: text or tree; an attached model has its own.
        optimizer: for a model that is not compiled: 'adam', 'sgd:learning_rate=0.05', or Keras'.
        epochs, batch_size, shuffle, validation_split, validation_data, validation_batch_size,
        class_weight, sample_weight, initial_epoch: as in Keras' `fit`.
        callbacks: a Keras callback, or a list of them. With any, every epoch is a call of its own;
            with one that looks at batches, every step; with one that looks at batches of the
            evaluation, Keras evaluates.
        verbose: 0, or anything else for a line after every epoch.
        compile: 'auto', 'xla', 'graph' or 'eager'; see `docs/engine.md`.
        on_nan: at a step that is not finite: 'stop', 'skip' it, or 'lower' the learning rate;
            default: as attached.
        checkpoint, checkpoint_every, resume: as for `tfloss.fit`. Where nothing was seeded by
            `keras.utils.set_random_seed`, epochs after the interruption have an order of their own.
        strategy, gather: as for `tfloss.fit`; by default the strategy that the model was built
            under.
        **attaching: what `tfloss.attach` takes, for a model that is not attached.

    Returns:
        `keras.callbacks.History`: the values of loss, terms and metrics by epoch.

    Raises:
        FormulaError: the formula does not fit the model.
        UsageError: data that are not arrays, an option that there is not, or a formula that is not
            the attached one.
        DataError: no rows, or arrays of different lengths.
        NumericsError: the loss or a weight would not be finite; the weights are those before.
        Interrupted: Ctrl-C or SIGTERM came, and the checkpoint holds everything.

    Example:
        >>> history = tfloss.fit_model(model, (x, y), "bce + 0.1*kl", teacher="gpc", epochs=20)
    """
    _refuse_unknown(attaching)
    if formula is not None and not isinstance(formula, (str, Node)):
        raise UsageError(
            "tfloss.fit_model takes inputs and labels as one pair: "
            "tfloss.fit_model(model, (x, y), …)."
        )
    batch_size, shuffle = batch_size or 32, bool(shuffle)
    replication = replication_of(strategy, model, gather)
    with scope_of(replication):
        attached = _attached(model, formula, optimizer, attaching)
    watching = listed_callbacks(callbacks)
    if any(isinstance(one, Checkpoint) for one in watching):
        raise UsageError(
            "tfloss.Checkpoint is for Keras' fit; here write tfloss.fit_model(…, checkpoint='…')."
        )
    say_direction(watching, (*attached.term_names, MODEL_TERM))
    x, y, weight = _parts(data, "data")
    if sample_weight is not None:
        if weight is not None:
            raise UsageError("Pass sample_weight= or data of (x, y, sample_weight), not both.")
        weight = without_pandas(sample_weight)
    attached.checks.warn_of_seen_rows(x, validation_data, validation_split)
    if validation_data is not None:
        validation_data = _parts(validation_data, "validation_data")
    x, validation_data = attached.checks.with_fitted_teachers(
        x, y, weight, validation_data, validation_split
    )
    options = {"class_weight": class_weight, "sample_weight": weight}
    train = _rows(attached, x, y, options)
    holdout = None
    if validation_data is not None:
        x, y, weight = validation_data
        holdout = _rows(attached, x, y, {"sample_weight": weight})
    elif validation_split:
        start = math.floor(len(train) * (1 - validation_split))
        train, holdout = train.slice(0, start), train.slice(start, len(train))
    decisive: dict[str, Any] = {
        "batch_size": batch_size,
        "validation_batch_size": validation_batch_size or batch_size,
        "shuffle": shuffle,
        "epochs": epochs,
        "initial_epoch": initial_epoch,
        "compile": compile,
        "on_nan": on_nan or attached.on_nan,
    }
    peers = workers_of(replication)
    with open_checkpoints(checkpoint, checkpoint_every, resume, peers) as checkpoints:
        fingerprint = {}
        if checkpoints is not None or peers is not None:  # before the optimizer is built
            fingerprint = training_fingerprint(
                attached.formula,
                {
                    "data": train.fingerprint(),
                    "holdout": holdout and holdout.fingerprint(),
                    **networks_fingerprint(attached.objective),
                },
                model_fingerprint(attached.model),
                attached.optimizer,
                **decisive,
            )
        require_same_training(peers, lambda: fingerprint)
        watching = [*watching, EpochLines()] if verbose else watching
        before = None if checkpoints is None else checkpoints.compiled_as
        with scope_of(replication):
            fitting = EngineFit(
                attached,
                train,
                holdout,
                callbacks=watching,
                before=before,
                replication=replication,
                **decisive,
            )
        if checkpoints is not None:
            whole = {**fingerprint, "callbacks": fitting.callbacks.kinds}
            checkpoints.begin(whole, compiled_as=fitting.compiled_as)
        with defer_interrupts(checkpoints):
            return fitting.run(checkpoints)


def _refuse_unknown(options: Mapping[str, Any]) -> None:
    known = {
        name: parameter
        for function in (fit_model, attach)
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    for name in options:
        if name not in known:
            raise UsageError(
                f"tfloss.fit_model has no option '{name}'.{did_you_mean(name, known)} "
                f"It has: {listed(known)}."
            )


def _attached(model: Any, formula: Any, optimizer: Any, options: dict[str, Any]) -> Attached:
    """The model with the formula, compiled."""
    if isinstance(model, Attached):
        if formula is not None and to_text(as_node(formula)) != model.formula:
            raise UsageError(
                f"The model is attached to '{model.formula}', not to '{formula}'; leave the "
                f"formula out, or fit the model inside, model.model."
            )
        if options:
            raise UsageError(f"{sorted(options)[0]}= belongs to tfloss.attach, which has been.")
        attached, metrics = model, None
    elif formula is None:
        raise UsageError("Pass the formula: tfloss.fit_model(model, (x, y), 'mse').")
    else:
        return _kept_attached(model, formula, optimizer, options)
    if optimizer is not None or not attached.compiled:
        attached.compile(make_optimizer(optimizer or "adam"), metrics=metrics)
    return attached


def _kept_attached(model: Any, formula: Any, optimizer: Any, options: dict[str, Any]) -> Attached:
    """A plain model with the formula: the one that an equal call made before, if there was one."""
    chosen = optimizer or getattr(model, "optimizer", None) or "adam"
    told = {name: v if isinstance(v, _PLAIN) else Same(v) for name, v in options.items()}
    key = (
        to_text(as_node(formula)),
        told,
        chosen if isinstance(chosen, str) else Same(chosen),
        model.compiled and model.get_compile_config(),
        model_fingerprint(model),
    )
    cache: ProgramCache[Attached] = cache_of(model)
    attached = cache.take(key)
    if attached is None:
        attached = attach(model, formula, **options)
        attached.compile(make_optimizer(chosen), metrics=_metrics(model))
    elif isinstance(chosen, str):
        fresh = make_optimizer(chosen)
        if isinstance(attached.optimizer, keras.optimizers.LossScaleOptimizer):
            fresh = keras.optimizers.LossScaleOptimizer(fresh)  # as Keras' compile made it
        reset_optimizer(attached.optimizer, fresh, attached.trainable_variables)
    if not attached.objective.states:  # variables of losses begin anew with every training
        cache.keep(key, attached)
    return attached


def _metrics(model: Any) -> Any:
    """The metrics that a plain model was compiled with, made again."""
    if not model.compiled:
        return None
    config = keras.saving.deserialize_keras_object(model.get_compile_config())
    return config.get("metrics")


def _parts(data: Any, called: str) -> tuple[Any, Any, Any]:
    data = without_pandas(data)
    arrays = data if isinstance(data, (tuple, list)) and 1 <= len(data) <= 3 else ()
    if not arrays or not all(part is None or is_arrays(part) for part in arrays):
        raise UsageError(
            f"{called} has to be (x, y) or (x, y, sample_weight), of arrays in memory; batches "
            f"that come one by one are for the model's own fit, or for tfloss.fit_stream."
        )
    if any(_is_sparse(part) for part in keras.tree.flatten(arrays)):
        raise UsageError(
            f"{called} is sparse or ragged, and tfloss.fit_model needs dense arrays; make them "
            f"dense, or train with the model's own fit."
        )
    x, y, weight = (*arrays, None, None)[:3]
    return x, y, weight


def _is_sparse(part: Any) -> bool:
    return hasattr(part, "tocsr") or isinstance(part, (tf.SparseTensor, tf.RaggedTensor))


def _rows(model: Attached, x: Any, y: Any, options: dict[str, Any]) -> Rows:
    """The rows with the teachers' predictions next to them, refused where Keras' `fit` would."""
    weight = options.get("sample_weight")
    x, y = model.checks.ready(x, y, weight)
    x, options = model.checks.weighted(x, y, options)
    weight = options.get("sample_weight")
    model.checks.take_weights(weight)
    return Rows(x, y, None if weight is None else np.asarray(weight))
