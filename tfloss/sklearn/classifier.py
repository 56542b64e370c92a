"""`DistilledClassifier`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from tfloss.data import Classes
from tfloss.data.links import LOGIT
from tfloss.errors import UsageError
from tfloss.formula import as_node, to_text
from tfloss.registry import registry_with
from tfloss.sklearn.base import Distilled
from tfloss.sklearn.labels import are_several, labels_and_gaps
from tfloss.training.scores import probabilities
from tfloss.training.target_units import link_of


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
        unlabelled: a further label that marks rows without one, -1 as in sklearn.semi_supervised;
            NaN and None always do. They count in the terms that ask for no labels.
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
        classes_: (C,) the labels, sorted; of several labels of 0 and 1 their columns, 0 … k-1.
        multilabel_: whether there are several labels of 0 and 1.
        formula_: the formula that was minimised, as text.
        history_: by name, 'total' and each weighted term, (epochs,) float64.
        network_: the trained network; `network_.model` is the Keras model, from scaled features to
            logits.
        n_iter_: how many epochs were trained.
        best_epoch_: with early stopping, the epoch whose weights were kept, counted from 1; else
            None.
        validation_loss_: (epochs,) the total on the rows set aside; empty without early stopping.
        teacher_notes_: what was done to teachers, a sentence each.
    """

    classes_: np.ndarray
    multilabel_: bool

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
        unlabelled: Any = None,
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
        self.class_weight = class_weight
        self.unlabelled = unlabelled
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
        tags.classifier_tags.multi_label = True
        return tags

    def fit(
        self,
        X: Any,  # noqa: N803
        y: Any,
        sample_weight: Any = None,
        **columns: Any,
    ) -> DistilledClassifier:
        """Fit the teacher, then train the network to minimise the formula.

        Args:
            X: (n, d) numbers, an array or scipy's sparse rows; or a data frame, whose text,
                dates and gaps are encoded.
            y: (n,) labels of any type, of two classes or more; NaN, None: a row without one. (n, k)
                of 0 and 1: k labels, each by itself, which 'auto' trains with bce.
            sample_weight: (n,), 0 or more.
            **columns: further tensors that the formula names, (n,) or (n, k); NaN: missing.

        Raises:
            ValueError: data of which a classifier can learn nothing.
            FormulaError, UsageError, DataError, NumericsError, PluginError: see `tfloss.fit`.
        """
        goes_on = self._goes_on
        if are_several(y):
            return self._fit_labels(X, y, sample_weight, columns)
        y, labelled = labels_and_gaps(y, self.unlabelled)
        features, y = self._checked(X, y, reset=not goes_on)
        there = np.ones(len(y), bool) if labelled is None else labelled
        check_classification_targets(y[there])
        weight = self._weights(sample_weight, features)
        if self.class_weight is not None:
            own = np.ones(len(y))
            own[there] = compute_sample_weight(self.class_weight, y[there])
            weight = own if weight is None else own * weight
        classes = np.unique(y[there])
        if goes_on and not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"warm_start goes on with the classes of the fit before, {self.classes_}, and "
                f"these labels have {classes}."
            )
        self.classes_ = classes
        trains = y[there] if weight is None else y[there & (weight > 0)]
        if len(np.unique(trains)) < 2:
            seen = f"the class {trains[0]!r}" if len(trains) else "none"
            raise ValueError(
                f"Classifier can't train when only one class is present: all labelled rows with a "
                f"weight are of {seen}."
            )
        self.multilabel_ = False
        self._fit_on(features, y, there, weight, columns)
        return self

    def _fit_labels(
        self,
        X: Any,  # noqa: N803
        y: Any,
        sample_weight: Any,
        columns: dict[str, Any],
    ) -> DistilledClassifier:
        """`fit` with (n, k) labels of 0 and 1."""
        y = y.toarray() if hasattr(y, "toarray") else y
        y, labelled = labels_and_gaps(y, self.unlabelled)
        features, y = self._checked(X, y, multi_output=True, reset=not self._goes_on)
        if type_of_target(y) != "multilabel-indicator":
            raise ValueError(
                f"y of shape {y.shape} is not of labels of 0 and 1; several targets with more "
                f"classes are not supported: fit a classifier for each."
            )
        if self.class_weight is not None:
            raise ValueError("class_weight is about classes; several labels of 0 and 1 have none.")
        if self._goes_on and len(self.classes_) != y.shape[1]:
            raise ValueError(
                f"warm_start goes on with {len(self.classes_)} labels, and y has {y.shape[1]}."
            )
        self.classes_, self.multilabel_ = np.arange(y.shape[1]), True
        target = np.array(y, np.float64)
        if labelled is not None:
            target[~labelled] = np.nan
        registry = registry_with(self.registry, self.losses)
        if self.formula != "auto" and link_of(self.formula, registry) != LOGIT:
            raise UsageError(
                f"Several labels of 0 and 1 need a loss of labels and logits, bce for example, and "
                f"'{to_text(as_node(self.formula))}' has none."
            )
        self._fit(features, target, None, self._weights(sample_weight, features), columns)
        return self

    def partial_fit(
        self,
        X: Any,  # noqa: N803
        y: Any,
        classes: Any = None,
        sample_weight: Any = None,
        **columns: Any,
    ) -> DistilledClassifier:
        """Train one epoch on some rows, from where the call before ended.

        The first call decides network and scaling; the optimizer, and the formula's schedules, go
        on from call to call. A teacher must be fitted already: `FrozenEstimator(teacher)`, or
        a column.

        Args:
            X: (n, d) numbers, an array or scipy's sparse rows; or a data frame, whose text,
                dates and gaps are encoded.
            y: (n,) labels; NaN, None: a row without one.
            classes: (C,) all labels that any call will have; needed in the first.
            sample_weight: (n,), 0 or more.
            **columns: as for `fit`.

        Raises:
            ValueError: no classes in the first call, or labels that are none of them.
            UsageError: a teacher that would be fitted on each part.
        """
        first = not hasattr(self, "network_")
        if are_several(y):
            raise ValueError("partial_fit takes one label for each row.")
        if first and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        known = np.unique(classes) if classes is not None else self.classes_
        if not first and not np.array_equal(known, self.classes_):
            raise ValueError(
                f"classes={classes!r} are not those of the first call, {self.classes_}."
            )
        y, labelled = labels_and_gaps(y, self.unlabelled)
        features, y = self._checked(X, y, reset=first)
        there = np.ones(len(y), bool) if labelled is None else labelled
        unknown = np.setdiff1d(y[there], known)
        if len(unknown):
            raise ValueError(f"y has the labels {unknown}, which are not among classes, {known}.")
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' needs all rows to count the classes, and partial_fit sees "
                "a part; pass a weight for each class."
            )
        weight = self._weights(sample_weight, features)
        if self.class_weight is not None:
            own = np.array([self.class_weight.get(label, 1.0) for label in y.tolist()], np.float64)
            own[~there] = 1.0
            weight = own if weight is None else own * weight
        self.classes_, self.multilabel_ = known, False
        self._fit_on(features, y, there, weight, columns, part=True)
        return self

    def _fit_on(
        self,
        features: Any,
        y: np.ndarray,
        there: np.ndarray,
        weight: np.ndarray | None,
        columns: dict[str, Any],
        *,
        part: bool = False,
    ) -> None:
        """Train on checked rows; `there` says which of them have a label."""
        codes = np.searchsorted(self.classes_, y).astype(np.float64)
        codes[~there] = np.nan
        names = tuple(str(value) for value in self.classes_)
        classes = Classes(np.arange(len(names)), names)
        self._fit(features, codes, classes, weight, columns, part=part)

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """(n, classes) float64 probabilities, in the order of `classes_`.

        Of several labels of 0 and 1 (n, k), the probability of 1 for each.
        """
        outputs = self._outputs(X)
        return outputs if self.multilabel_ else probabilities(outputs)

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """(n,) the most probable class of each row; of several labels (n, k) of 0 and 1."""
        probs = self.predict_proba(X)
        return (
            (probs > 0.5).astype(int) if self.multilabel_ else self.classes_[probs.argmax(axis=1)]
        )
