"""What a training is made of: teachers, data sets, models, metrics, recipes, trackers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from tfloss.registry.declarations.declaration import Declaration


@dataclass(frozen=True, repr=False)
class Teacher(Declaration):
    """A factory of estimators: keyword settings in, an unfitted estimator out.

    Attributes:
        estimator: dotted name of the class that it makes, for listings.
        open_settings: whether settings beyond the signature's are passed on with `set_params`.
        answers: what it gives, for listings: 'probabilities', 'calibrated' (probabilities that
            scikit-learn's calibration makes), 'prediction', or 'prediction and deviation'.
        cost: from (rows, classes) to the seconds that fitting takes; None where it is cheap.
        layers: whether it is a network, whose layers a formula may name as `teacher.LAYER`.
    """

    estimator: str = ""
    open_settings: bool = True
    answers: str = ""
    cost: Callable[[int, int], float] | None = field(default=None, compare=False)
    layers: bool = False

    kind = "teacher"


@dataclass(frozen=True, repr=False)
class Dataset(Declaration):
    """A loader of a data set: keyword settings in, a `tfloss.Table` out."""

    kind = "dataset"


@dataclass(frozen=True, repr=False)
class Model(Declaration):
    """A factory of students: `(inputs, outputs, *numbers, **settings)` in, a Keras model out.

    `inputs` is the number of features (or a shape), `outputs` the number of logits.

    Attributes:
        layers: from the numbers and settings of a model's text to the names of the layers, where
            they are known without building the model, so that a formula can be checked early.
    """

    layers: Callable[..., tuple[str, ...]] | None = None

    kind = "model"


@dataclass(frozen=True, repr=False)
class Metric(Declaration):
    """A figure computed with numpy from `(classes, probs)`: (n,) int and (n, classes) float64.

    With the setting `sample_weight=None` it gets (n,) float64 where the data have weights. Where it
    raises, its cell says why.

    Attributes:
        better: 'higher' or 'lower', or None where neither is better.
        label: how a table names it.
        task: what it applies to, 'classification' or 'regression'; for regression it gets
            `(target, prediction)`, both (n, k) float64.
        batched: the same figure of R students in one call, for `tfloss compare`: it gets
            `(R, n)` and `(R, n, classes)`, or twice `(R, n, k)`, and returns (R,) float64. Without
            it, and where there are weights, the metric is called once for each student.
    """

    better: Literal["higher", "lower"] | None = None
    label: str = ""
    task: Literal["classification", "regression"] = "classification"
    batched: Callable[..., Any] | None = field(default=None, compare=False)

    kind = "metric"


@dataclass(frozen=True, repr=False)
class Recipe(Declaration):
    """A named configuration: a function without parameters that returns `train`'s options."""

    kind = "recipe"


@dataclass(frozen=True)
class Tracker(Declaration):
    """A factory of trackers: keyword settings in, an object that is notified of one training out.

    The object has any of these methods; one that raises is left out of the rest of the training:

    - `start(name, config)`: the training's name, and its configuration as plain values;
    - `epoch(number, step, train, holdout)`: the total and each weighted term by name; `holdout` is
      None for an epoch that was not evaluated;
    - `scores(scores)`: metrics by 'student on holdout', 'teacher on holdout', …;
    - `finish(folder)`: the run's folder with all its files, or None where the training failed.
    """

    kind = "tracker"
