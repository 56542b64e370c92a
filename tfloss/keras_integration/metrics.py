"""Metrics of `compile` on an attached model: beside the terms, as Keras computes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfloss.errors import UsageError
from tfloss.keras_integration.batch_layout import split_labels
from tfloss.lazy import keras
from tfloss.student.outputs import by_name


def refuse_names(terms: tuple[str, ...], *metrics: Any) -> None:
    """A metric named like a term would hide it.

    Raises:
        UsageError: with another name for it.
    """
    for metric in keras.tree.flatten([given for given in metrics if given is not None]):
        name = metric if isinstance(metric, str) else getattr(metric, "name", None)
        if name in terms:
            raise UsageError(
                f"The metric '{name}' has the name of a term, which is logged anyway; leave "
                f"it out, or give it another name: metrics=[…(name='{name}_unweighted')]."
            )


def update_metrics(
    metrics: Any, model: Any, columns: tuple[str, ...], y: Any, y_pred: Any, weight: Any
) -> None:
    """Show a batch to the metrics of `compile`.

    Args:
        metrics: what Keras made of them.
        model: the model inside.
        columns: the declared ones, which no metric sees.
        y, y_pred, weight: of the batch.
    """
    outputs = by_name(model, y_pred)
    labels, _ = split_labels(y, list(outputs), columns)
    if isinstance(weight, (Mapping, list, tuple)):  # Keras' copies of one array
        weight = keras.tree.flatten(weight)[0]
        weight = weight if list(outputs) == [""] else dict.fromkeys(outputs, weight)
    if list(outputs) == [""]:
        metrics.update_state(labels.get(""), outputs[""], weight)
    else:
        metrics.update_state({name: labels.get(name) for name in outputs}, outputs, weight)
