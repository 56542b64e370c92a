"""What a user's model does itself while Keras trains it, and an attached model would not do."""

from __future__ import annotations

from typing import Any

from tfloss.errors import UsageError
from tfloss.lazy import keras

# Methods of `keras.Model` that Keras' `fit` calls, which `attach` has of its own.
_REPLACED = (
    "train_step",
    "test_step",
    "predict_step",
    "compute_loss",
    "compute_metrics",
    "make_train_function",
    "make_test_function",
    "fit",
    "evaluate",
    "train_on_batch",
)


def refuse_own_training(model: Any) -> None:
    """Refuse a model that trains, or prepares its data, in a way that a formula would replace.

    Args:
        model: the user's.

    Raises:
        UsageError: it has a `train_step`, `compute_loss`, `fit` or the like of its own.
    """
    own = [name for name in _REPLACED if _overridden(model, name)]
    if not own:
        return
    if hasattr(model, "preprocess_samples") and "train_step" not in own:  # a task of KerasHub
        if getattr(model, "preprocessor", None) is None:
            return
        raise UsageError(
            f"The model '{model.name}' prepares its data in its own fit, which an attached model "
            f"does not call; set model.preprocessor = None, and train on what the preprocessor "
            f"returns: dataset.map(preprocessor)."
        )
    raise UsageError(
        f"The model '{model.name}' ({type(model).__name__}) has a {own[0]} of its own, which an "
        f"attached model does not call; write what it computes as a formula (tfloss.tap names "
        f"inner tensors), and attach a model without it."
    )


def _overridden(model: Any, name: str) -> bool:
    return getattr(type(model), name, None) is not getattr(keras.Model, name, None)
