"""`DistilledRegressor`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin

from tfloss.sklearn.base import Distilled
from tfloss.sklearn.labels import are_several, labels_and_gaps


class DistilledRegressor(RegressorMixin, Distilled):
    """A network that predicts a quantity, trained by a formula.

    Args:
        formula: the formula, text or tree; 'auto' is 'mse', with a teacher
            'mse + mse(teacher, prediction)'.
        teacher: an estimator, 'gpc' and the like, or a mapping from the names that the formula uses
            to either; None: the formula needs none. An estimator is cloned, and stays unfitted.
        hidden: units of each hidden layer.
        activation: of the hidden layers.
        model: instead of `hidden`: a text, 'mlp:10,10', or a function (features, outputs) that
            makes a Keras model.
        optimizer: 'adam', 'sgd:learning_rate=0.05', ….
        epochs: passes over the rows.
        batch_size: rows per step.
        batches: 'shuffled': every row once per epoch, in a new order; 'replacement': rows drawn
            with replacement for each batch; 'sequential': in the order in which they are given.
        scale: how features are scaled inside of the estimator: 'standard', 'minmax', 'maxabs',
            'robust', 'quantile', 'power' (scikit-learn's scalers; sample weights count for
            'standard' only), or 'none'.
        scale_target: let the network's answers start at the target's mean and spread by its
            deviation; labels, teachers and losses keep the target's own units.
        teacher_fit: 'train': the teacher predicts rows that it was fitted on; 'cross': out of
            fold; 'auto': 'cross' where there are rows enough.
        teacher_calibrate: 'sigmoid', 'isotonic', 'temperature', 'none' or 'auto'.
        teacher_inputs: what the teacher sees of X: 'unscaled', 'scaled' as the network, or 'frame',
            a data frame; 'auto': 'unscaled' for an estimator, or 'frame' where it selects columns
            by name, and 'scaled' for a teacher by its name.
        compile: 'auto', 'xla', 'graph' or 'eager'; see `tfloss.training.loop.in_memory`.
        on_nan: at a step that is not finite: 'stop', 'skip' it, or 'lower' the learning rate.
        callbacks: Keras callbacks; their logs have the terms, and no holdout.
        cache: a folder in which the teacher's predictions are kept.
        allow_negative: accept coefficients below zero.
        losses: declared with `@tfloss.loss` in your program, for this estimator only.
        networks: frozen networks that the formula calls, by name; as for `tfloss.fit`.
        registry: what names stand for; default: everything installed.
        n_jobs: how many chunks of rows the teacher predicts at once.
        early_stopping: set some rows aside, stop where the total on them is no longer less, and
            keep the weights of the epoch in which it was least.
        validation_fraction: the share of the labelled rows that is set aside.
        n_iter_no_change: how many epochs in a row without an improvement are waited for.
        warm_start: let `fit` go on from the network of the `fit` before, with its scaling, instead
            of a new one; the optimizer and the formula's schedules start again.
        verbose: print the total and the terms after every epoch.
        random_state: of the initial weights, the order of the rows, and the teacher.

    Attributes:
        formula_: the formula that was minimised, as text.
        history_: by name, 'total' and each weighted term, (epochs,) float64.
        network_: the trained network; `network_.model` is the Keras model, from scaled features to
            answers in the target's units.
        n_iter_: how many epochs were trained.
        best_epoch_: with early stopping, the epoch whose weights were kept, counted from 1; else
            None.
        validation_loss_: (epochs,) the total on the rows set aside; empty without early stopping.
        teacher_notes_: what was done to teachers, a sentence each.
    """

    def __init__(
        self,
        formula: Any = "auto",
        teacher: Any = None,
        hidden: Sequence[int] = (10, 10),
        *,
        activation: str = "relu",
        model: Any = None,
        optimizer: Any = "adam",
        epochs: int = 200,
        batch_size: int = 32,
        batches: str = "shuffled",
        scale: str = "standard",
        scale_target: bool = True,
        teacher_fit: str = "auto",
        teacher_calibrate: str = "auto",
        teacher_inputs: str = "auto",
        compile: str = "auto",
        on_nan: str = "stop",
        callbacks: Any = (),
        cache: Any = None,
        allow_negative: bool = False,
        losses: Any = (),
        networks: Any = None,
        registry: Any = None,
        n_jobs: int | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        warm_start: bool = False,
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        self.formula = formula
        self.teacher = teacher
        self.hidden = hidden
        self.activation = activation
        self.model = model
        self.optimizer = optimizer
        self.epochs = epochs
        self.batch_size = batch_size
        self.batches = batches
        self.scale = scale
        self.scale_target = scale_target
        self.teacher_fit = teacher_fit
        self.teacher_calibrate = teacher_calibrate
        self.teacher_inputs = teacher_inputs
        self.compile = compile
        self.on_nan = on_nan
        self.callbacks = callbacks
        self.cache = cache
        self.allow_negative = allow_negative
        self.losses = losses
        self.networks = networks
        self.registry = registry
        self.n_jobs = n_jobs
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(
        self,
        X: Any,  # noqa: N803
        y: Any,
        sample_weight: Any = None,
        **columns: Any,
    ) -> DistilledRegressor:
        """Fit the teacher, then train the network to minimise the formula.

        Args:
            X: (n, d) numbers, an array or scipy's sparse rows; or a data frame, whose text,
                dates and gaps are encoded.
            y: (n,) numbers, or (n, k) of k targets; NaN: a row without one.
            sample_weight: (n,), 0 or more.
            **columns: further tensors that the formula names, (n,) or (n, k); NaN: missing.

        Raises:
            ValueError: data of which a regressor can learn nothing.
            FormulaError, UsageError, DataError, NumericsError, PluginError: see `tfloss.fit`.
        """
        return self._fit_on(X, y, sample_weight, columns, first=not self._goes_on)

    def partial_fit(
        self,
        X: Any,  # noqa: N803
        y: Any,
        sample_weight: Any = None,
        **columns: Any,
    ) -> DistilledRegressor:
        """Train one epoch on some rows, from where the call before ended.

        The first call decides network, scaling and the target's units; the optimizer, and the
        formula's schedules, go on from call to call. A teacher must be fitted already:
        `FrozenEstimator(teacher)`, or a column.

        Args:
            X: (n, d) numbers, an array or scipy's sparse rows; or a data frame, whose text,
                dates and gaps are encoded.
            y: (n,) numbers; NaN: a row without one.
            sample_weight: (n,), 0 or more.
            **columns: as for `fit`.

        Raises:
            UsageError: a teacher that would be fitted on each part.
        """
        first = not hasattr(self, "network_")
        return self._fit_on(X, y, sample_weight, columns, first=first, part=True)

    def _fit_on(
        self,
        X: Any,  # noqa: N803
        y: Any,
        sample_weight: Any,
        columns: dict[str, Any],
        *,
        first: bool,
        part: bool = False,
    ) -> DistilledRegressor:
        several = are_several(y)
        y, labelled = labels_and_gaps(y)
        features, y = self._checked(X, y, y_numeric=True, multi_output=several, reset=first)
        weight = self._weights(sample_weight, features)
        target = np.array(y, np.float64)
        if labelled is not None:
            target[~labelled] = np.nan
        self._fit(features, target, None, weight, columns, part=part)
        return self

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """(n,) float64, or (n, k) of several targets, in the target's units."""
        outputs = self._outputs(X)
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs
