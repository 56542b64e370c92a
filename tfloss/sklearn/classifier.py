"""`DistilledClassifier`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets

from tfloss.data import Classes
from tfloss.sklearn.base import Distilled
from tfloss.training.scores import probabilities


class DistilledClassifier(ClassifierMixin, Distilled):
    """A network that classifies, trained by a formula.

    Args:
        formula: the formula, text or tree; 'auto' is 'cross_entropy', with a teacher
            'cross_entropy + kd'.
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
        class_weight: 'balanced', or a mapping from classes to weights, as in scikit-learn.
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
        random_state: of the initial weights, the order of the rows, and the teacher.

    Attributes:
        classes_: (C,) the labels, sorted.
        formula_: the formula that was minimised, as text.
        history_: by name, 'total' and each weighted term, (epochs,) float64.
        network_: the trained network; `network_.model` is the Keras model, from scaled features to
            logits.
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
        class_weight: Any = None,
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
        self.class_weight = class_weight
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
        self.random_state = random_state

    def fit(
        self,
        X: Any,  # noqa: N803
        y: Any,
        sample_weight: Any = None,
        **columns: Any,
    ) -> DistilledClassifier:
        """Fit the teacher, then train the network to minimise the formula.

        Args:
            X: (n, d) numbers.
            y: (n,) labels of any type, of two classes or more.
            sample_weight: (n,), 0 or more.
            **columns: further tensors that the formula names, (n,) or (n, k); NaN: missing.

        Raises:
            ValueError: data of which a classifier can learn nothing.
            FormulaError, UsageError, DataError, NumericsError, PluginError: see `tfloss.fit`.
        """
        features, y = self._checked(X, y)
        check_classification_targets(y)
        weight = self._weights(sample_weight, features)
        if self.class_weight is not None:
            weight = compute_sample_weight(self.class_weight, y) * (1 if weight is None else weight)
        self.classes_, codes = np.unique(y, return_inverse=True)
        trains = codes if weight is None else codes[weight > 0]
        if len(np.unique(trains)) < 2:
            raise ValueError(
                f"Classifier can't train when only one class is present: all rows with a weight "
                f"are of the class {self.classes_[trains[0]]!r}."
            )
        positions = np.arange(len(self.classes_))
        names = tuple(str(value) for value in self.classes_)
        self._fit(features, codes, Classes(positions, names), weight, columns)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """(n, classes) float64 probabilities, in the order of `classes_`."""
        return probabilities(self._outputs(X))

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """(n,) the most probable class of each row."""
        chosen = self.predict_proba(X).argmax(axis=1)
        return self.classes_[chosen]
