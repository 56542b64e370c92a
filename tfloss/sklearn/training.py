"""From checked arrays to a trained network: what both estimators' `fit` do."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from tfloss.data import PreparedData
from tfloss.errors import UsageError, did_you_mean
from tfloss.lazy import keras
from tfloss.registry import Registry, registry_with
from tfloss.sklearn.network import Network
from tfloss.sklearn.teachers import unfitted_copies
from tfloss.student import Student, make_student
from tfloss.student.build import generators_kept
from tfloss.training.fit import fit
from tfloss.training.history import History
from tfloss.training.result import Result
from tfloss.training.target_units import in_target_units, link_of
from tfloss.training.teachers import names_in


def refuse_unnamed(columns: Iterable[str], formula: Any, teacher: Any) -> None:
    """Refuse keywords of `fit` that neither the formula nor a teacher's column names.

    Raises:
        UsageError: `sample_weights=` for `sample_weight=`, for example.
    """
    given = list(columns)
    if not given:
        return
    named = set() if formula == "auto" else set(names_in(formula))
    several = teacher.values() if isinstance(teacher, Mapping) else teacher
    teachers = several if isinstance(teacher, (Mapping, list, tuple)) else [teacher]
    texts = [one for one in teachers if isinstance(one, str)]
    for name in given:
        if name not in named and not any(f"column:{name}" in text for text in texts):
            known = ["sample_weight", *sorted(named)]
            raise UsageError(
                f"fit got {name}=, which the formula does not name.{did_you_mean(name, known)} "
                f"Further columns go by the names that stand in the formula."
            )


def trained(
    estimator: Any,
    data: PreparedData,
    seed: int,
    *,
    before: Network | None = None,
    epochs: tuple[int, int] | None = None,
) -> tuple[Result, Network]:
    """The student that an estimator's parameters ask for, trained; the global state is kept.

    Args:
        estimator: whose parameters decide.
        data: with all rows in the training part.
        seed: of the training.
        before: a network that is trained further; None: a new one.
        epochs: the numbers of those done before and after this call, whose optimizer is kept;
            None: all that the estimator asks for, by an optimizer that starts again.
    """
    given = estimator.get_params(deep=False)
    registry = registry_with(estimator.registry, estimator.losses)
    # Whatever the estimator and `fit` call alike is handed on, also what either may get later.
    options = {name: given[name] for name in inspect.signature(fit).parameters if name in given}
    with generators_kept():
        student = _new(estimator, data, registry, seed) if before is None else before.student
        options |= {
            "formula": formula_of(estimator, data),
            "model": student,
            "teacher": unfitted_copies(estimator.teacher),
            "seed": seed,
            "registry": registry,
            "losses": (),  # in the registry
            "class_weight": None,  # in the sample weights
            "on_progress": lines(sum(epochs or (0, estimator.epochs)))
            if estimator.verbose
            else None,
        }
        if epochs is not None:
            network = before or Network(student.forward_model, None)  # for its optimizer
            options |= {"initial_epoch": epochs[0], "epochs": epochs[1]}
            options["optimizer"] = network.optimizer(estimator.optimizer)
        with warnings.catch_warnings():  # searches over formulas have one teacher for all
            warnings.filterwarnings("ignore", "No term of the formula names the teacher")
            result = fit(data=data, **options)
    # Variables of losses begin again with every training, and an optimizer knows those it has seen.
    kept = options["optimizer"] if epochs is not None and not result.objective.states else None
    student = result.student
    model = student.forward_model
    known = student if epochs is not None else None
    return result, Network(model, data.scaler, student.link, kept, known, data.encoder)


def lines(epochs: int) -> Callable[[History], None]:
    """Prints a line for every epoch, as scikit-learn's `verbose` does."""
    seen = 0

    def print_lines(history: History) -> None:
        nonlocal seen
        for place in range(seen, len(history)):
            epoch = history[place]
            values = "  ".join(f"{name} {value:.4f}" for name, value in epoch.train.items())
            print(f"epoch {epoch.number}/{epochs}  {values}", flush=True)
        seen = len(history)

    return print_lines


def formula_of(estimator: Any, data: PreparedData) -> Any:
    """The formula; 'auto' is what labels and, where there is one, a teacher ask for."""
    formula, teacher = estimator.formula, estimator.teacher
    if formula != "auto":
        return formula
    multilabel = getattr(estimator, "multilabel_", False)
    if isinstance(teacher, (list, tuple, Mapping)) and len(teacher):
        raise UsageError(
            "formula='auto' knows one teacher, given by itself; with several, or with names, write "
            "the formula, 'cross_entropy + kd(teacher=NAME)' for example."
        )
    own, taught = ("mse", "mse(teacher, prediction)")
    if data.task == "classification":
        own, taught = ("cross_entropy", "kd")
    elif multilabel:
        own = "bce"
    return own if teacher is None else f"{own} + {taught}"


def _new(estimator: Any, data: PreparedData, registry: Registry, seed: int) -> Student:
    """A network of `hidden` layers, or what `model` names or makes."""
    model = estimator.model
    if model is None:
        units = ",".join(str(units) for units in np.atleast_1d(estimator.hidden))
        model = f"mlp:{units}{',' if units else ''}activation={estimator.activation}"
    elif not isinstance(model, str):
        if isinstance(model, keras.Model) or not callable(model):
            raise UsageError(
                "model is a text, 'mlp:10,10', or a function of the numbers of features and of "
                "outputs that makes a Keras model: each fit needs a new one."
            )
        keras.utils.set_random_seed(seed)
        model = model(data.n_features, data.n_outputs)
    student = make_student(
        model, inputs=data.n_features, outputs=data.n_outputs, registry=registry, seed=seed
    )
    if data.task == "regression" and getattr(estimator, "scale_target", True):
        link = link_of(formula_of(estimator, data), registry)
        return in_target_units(student, data, link)
    return student
