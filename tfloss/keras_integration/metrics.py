"""Metrics of `compile` on an attached model: next to the terms, as Keras computes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tfloss.errors import UsageError
from tfloss.lazy import keras, tf
from tfloss.student.structures import outputs_by_name, split_labels


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


def add_to_mean(tracker: Any, value: Any, count: Any) -> None:
    """What `update_state` of a `keras.metrics.Mean` does with one number, in a third of its steps.

    Args:
        tracker: the mean.
        value: a float32 scalar, the mean of some rows.
        count: of how many; a float32 scalar.
    """
    for variable, more in ((tracker.total, value * count), (tracker.count, count)):
        variable.value.assign_add(tf.cast(more, variable.dtype))


def update_metrics(
    metrics: Any,
    model: Any,
    columns: tuple[str, ...],
    needs: Collection[str],
    y: Any,
    y_pred: Any,
    weight: Any,
) -> None:
    """Show a batch to the metrics of `compile`.

    Args:
        metrics: what Keras made of them.
        model: the model inside.
        columns: the declared ones, which no metric sees.
        needs: the names that the formula uses.
        y, y_pred, weight: of the batch.
    """
    outputs = outputs_by_name(model, y_pred)
    labels, _ = split_labels(y, list(outputs), columns, needs)
    if isinstance(weight, (Mapping, list, tuple)):  # Keras' copies of one array
        weight = keras.tree.flatten(weight)[0]
        weight = weight if list(outputs) == [""] else dict.fromkeys(outputs, weight)
    if list(outputs) == [""]:
        metrics.update_state(labels.get(""), outputs[""], weight)
    else:
        nested = any(map(keras.tree.is_nested, _parts(y_pred)))
        packed = [{name: labels.get(name) for name in outputs}, outputs]
        if nested:  # metrics of nested outputs have their structure
            packed = [keras.tree.pack_sequence_as(y_pred, list(part.values())) for part in packed]
            weight = weight and keras.tree.pack_sequence_as(y_pred, list(weight.values()))
        metrics.update_state(*packed, weight)


def _parts(structure: Any) -> Any:
    return structure.values() if isinstance(structure, Mapping) else structure
