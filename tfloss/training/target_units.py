"""A regressor's answers in the target's units: a last layer that is not trained brings them there.

A network starts with answers near 0 and moves them by little at each step. The layer makes 0 the
target's mean and 1 its deviation, so that a student starts at the mean, whatever the unit; losses,
teachers and predictions keep the user's.
"""

from __future__ import annotations

import numpy as np

from tfloss.data import Columns, PreparedData
from tfloss.data.links import IDENTITY, LOG, LOGIT
from tfloss.formula import Call, Name, Node, as_node
from tfloss.lazy import keras
from tfloss.registry import Loss, Registry
from tfloss.student import Student, wrap_model

LAYER = "target_units"


def link_of(formula: str | Node, registry: Registry) -> str:
    """What a regressor's output is of the quantity that the formula is about.

    'log' where a loss declares it (`link="log"`), 'logit' where one asks for the logits of shares
    between 0 and 1, else 'identity'.
    """
    losses = own_losses(formula, registry)
    if any(loss.link == LOG for loss in losses):
        return LOG
    asked = [set(loss.signature.positional) for loss in losses]
    return LOGIT if any({"labels", "logits"} <= names for names in asked) else IDENTITY


def own_losses(formula: str | Node, registry: Registry) -> list[Loss]:
    """The losses in a formula that get the tensors that their parameters are called after."""
    found = []
    for node in as_node(formula).walk():
        if isinstance(node, Name) and node.name in registry.losses:
            found.append(registry.losses[node.name])
        elif isinstance(node, Call) and node.name in registry.losses:
            loss = registry.losses[node.name]
            tensors = loss.signature.positional
            given = [*zip(tensors, node.args, strict=False), *node.kwargs]
            bound = [(name, one) for name, one in given if name in tensors]
            if all(isinstance(one, Name) and one.name == name for name, one in bound):
                found.append(loss)
    return found


def units_of(part: Columns, link: str) -> tuple[np.ndarray, np.ndarray]:
    """The deviation and the mean, (k,) float64 each, of the training rows' labels.

    For a logarithm 1 and the logarithm of the mean; for logits 1 and 0.
    """
    labels = np.asarray(part.labels[part.labelled], np.float64)
    count = part.labels.shape[1]
    if link == LOGIT or not len(labels):
        return np.ones(count), np.zeros(count)
    weight = None
    if part.sample_weight is not None and part.sample_weight[part.labelled].any():
        weight = part.sample_weight[part.labelled].astype(np.float64)
    mean = np.average(labels, axis=0, weights=weight)
    if link == LOG:
        return np.ones(count), np.log(np.maximum(mean, 1e-6))
    deviation = np.sqrt(np.average((labels - mean) ** 2, axis=0, weights=weight))
    return np.where(deviation > 0, deviation, 1.0), mean


def in_target_units(student: Student, data: PreparedData, link: str) -> Student:
    """The student with the layer behind it; one without a graph of layers stays as it is."""
    model = student.forward_model
    if data.task != "regression" or not getattr(model, "outputs", None):
        return student
    scale, mean = units_of(data.train, link)
    layer = keras.layers.Dense(len(mean), trainable=False, dtype="float32", name=LAYER)
    whole = keras.Model(model.inputs[0], layer(model.outputs[0]), name=model.name)
    layer.set_weights([np.diag(scale), mean])
    wrapped = wrap_model(whole, text=student.text)
    wrapped.note = student.note
    return wrapped


def units_places(student: Student) -> tuple[int, int] | None:
    """Where the layer's kernel and bias stand among the student's variables; None without it."""
    variables = student.forward_model.variables
    found = [at for at, one in enumerate(variables) if one.path.split("/")[-2:-1] == [LAYER]]
    return (found[0], found[1]) if len(found) == 2 else None
