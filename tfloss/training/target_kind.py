"""Whether a formula's losses are about the kind of target that the data have."""

from __future__ import annotations

from tfloss.data import PreparedData
from tfloss.errors import UsageError
from tfloss.objective import Objective
from tfloss.objective.plan import LossUse, TensorUse


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


def _own(use: LossUse, name: str) -> bool:
    """Whether a loss gets the tensor that its parameter is called after."""
    bound = use.tensors.get(name)
    return isinstance(bound, TensorUse) and bound.name == name
