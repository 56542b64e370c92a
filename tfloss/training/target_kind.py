"""Whether a formula's losses are about the kind of target that the data have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tfloss.data import Columns, PreparedData, Table
from tfloss.data.links import LOGIT
from tfloss.data.missing import Task
from tfloss.errors import UsageError
from tfloss.formula import Node
from tfloss.objective import Objective
from tfloss.objective.plan import LossUse, TensorUse
from tfloss.registry import Registry
from tfloss.training.target_units import link_of, own_losses


def refuse_quantities(objective: Objective, data: PreparedData) -> None:
    """Refuse a loss of labels and logits on a target that is no share between 0 and 1.

    Cross-entropy of such a target has no lower bound: training would go on in silence, to nonsense.

    Raises:
        UsageError: with what would do.
    """
    labels = data.train.labels[data.train.labelled]
    if data.task != "regression" or ((labels >= 0) & (labels <= 1)).all():
        return
    for term in objective.terms:
        for use in term.losses:
            if _own(use, "labels") and _own(use, "logits"):
                raise UsageError(
                    f"'{use.text}' is about classes, but the target of '{data.name}' is a quantity "
                    f"from {labels.min():g} to {labels.max():g}; use a loss of quantities, mse for "
                    f"example, or turn the target into classes."
                )


def refuse_mixed_links(objective: Objective, data: PreparedData) -> None:
    """Refuse a loss of a logarithm on classes, and next to a loss of the quantity itself.

    Raises:
        UsageError: with what would do.
    """
    uses = [use for term in objective.terms for use in term.losses if _own(use, "prediction")]
    logarithms = [use for use in uses if use.loss.link == "log"]
    if not logarithms:
        return
    first = logarithms[0]
    if data.task == "classification":
        raise UsageError(
            f"'{first.text}' is about quantities, but the target of '{data.name}' has classes; use "
            f"a loss of classes, or say that the target is a quantity (task='regression')."
        )
    labels = data.train.labels[data.train.labelled]
    if (labels < 0).any():
        raise UsageError(
            f"'{first.text}' is about quantities of 0 or more, but the target of '{data.name}' "
            f"goes down to {labels.min():g}; use another loss."
        )
    for use in uses:
        if use.loss.link != "log":
            raise UsageError(
                f"'{first.text}' takes the prediction's logarithm, and '{use.text}' the prediction "
                f"itself; write exp(prediction) in '{use.text}'."
            )


def table_for_the_loss(table: Table, formula: str | Node, registry: Registry) -> Table:
    """The table, with the task that the formula's losses are about where it was only guessed."""
    values = table.target[table.labelled]
    if values.ndim == 2:
        return replace(table, multilabel=_yes_or_no(values, formula, registry))
    if not table.guessed or values.dtype.kind not in "iuf" or not len(values):
        return table
    task = _task_of(formula, registry, values)
    if task in (None, table.task):
        return table
    note = f"The target is taken as for {task}, by the loss; task says otherwise."
    return replace(table, task=task, class_names=(), notes=(*table.notes, note))


def for_the_loss(data: PreparedData, formula: str | Node, registry: Registry) -> PreparedData:
    """The data, as quantities where whole numbers were guessed to be classes; see above."""
    if data.target_names:
        labels = data.train.labels[data.train.labelled]
        return replace(data, multilabel=_yes_or_no(labels, formula, registry))
    if not data.guessed or data.classes is None or data.classes.values.dtype.kind not in "iuf":
        return data
    if _task_of(formula, registry, data.classes.values) != "regression":
        return data
    if data.train.class_weight is not None:
        raise UsageError(
            f"class_weight is about classes, and the formula is about quantities; say that the "
            f"target of '{data.name}' has classes (task='classification'), or leave it out."
        )
    numbers = data.classes.values.astype(np.float32)

    def quantities(part: Columns) -> Columns:
        labels = np.where(part.codes >= 0, numbers[part.codes], np.float32(0))[:, None]
        return replace(
            part, values={**part.values, "labels": labels}, codes=np.zeros(0, dtype=np.int64)
        )

    return replace(
        data,
        train=quantities(data.train),
        holdout=quantities(data.holdout),
        task="regression",
        classes=None,
        guessed=False,
    )


def _yes_or_no(labels: np.ndarray, formula: str | Node, registry: Registry) -> bool:
    """Whether several targets are labels of 0 and 1, and the formula's losses are about such."""
    return bool(np.isin(labels, (0, 1)).all()) and link_of(formula, registry) == LOGIT


def _task_of(formula: str | Node, registry: Registry, values: np.ndarray) -> Task | None:
    """What losses of labels say about a target of numbers; None where they say nothing.

    Two values are classes for all losses of a prediction; numbers that are not whole are quantities
    for all.
    """
    losses = [one for one in own_losses(formula, registry) if "labels" in one.signature.positional]
    different = np.unique(values)
    whole = bool(np.all(different == np.round(different)))
    if not losses or not whole:
        return None
    asked = [set(loss.signature.positional) for loss in losses]
    if all("prediction" in names and not names & {"logits", "probs"} for names in asked):
        return "regression" if len(different) > 2 or any(one.link for one in losses) else None
    if all(names & {"logits", "probs"} for names in asked):
        return "classification"
    return None


def _own(use: LossUse, name: str) -> bool:
    """Whether a loss gets the tensor that its parameter is called after."""
    bound = use.tensors.get(name)
    return isinstance(bound, TensorUse) and bound.name == name
