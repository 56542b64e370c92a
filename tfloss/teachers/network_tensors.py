"""The one forward pass of a Keras model that teaches: prediction, logits, and inner layers."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from tfloss.errors import UsageError, did_you_mean, listed
from tfloss.lazy import tf
from tfloss.student.outputs import hidden_probability, output_tensors
from tfloss.student.structures import outputs_by_name
from tfloss.student.tapping import layer_of, layers_by_path, named, recording


def refuse_unknown_layers(alias: str, model: Any, layers: Iterable[str]) -> None:
    """Raise UsageError where a formula names a layer that the teacher does not have.

    Args:
        alias: the teacher's name, for the message.
        model: a Keras model.
        layers: names, as `encoder.dense_1`; `.call2` and `.out1` may follow.
    """
    paths = layers_by_path(model)
    for name in sorted(layers):
        if layer_of(name, paths) is None:
            raise UsageError(
                f"The teacher '{alias}' has no layer '{name}'.{did_you_mean(name, paths)} "
                f"Its layers: {listed(paths)}."
            )


def network_tensors(
    alias: str,
    model: Any,
    batch: Any,
    layers: Collection[str],
    *,
    classification: bool,
    prediction: bool = True,
) -> dict[str, Any]:
    """What a network says about a batch; for use inside of a `tf.function`.

    Args:
        alias: the teacher's name, for messages.
        model: a Keras model; it runs as in `predict`.
        batch: its inputs, as the model takes them.
        layers: the names of inner tensors that are wanted.
        classification: whether its output is about classes.
        prediction: whether its prediction is wanted as well, for which it has one output.

    Returns:
        float32: `''` the prediction (probabilities of classes, else the output), `logits`, and
        each layer by its name.

    Raises:
        UsageError: it has several outputs, or probabilities whose logits cannot be found.
    """
    paths = layers_by_path(model)
    wanted = {path: paths[path] for name in layers if (path := layer_of(name, paths)) is not None}
    with recording(wanted) as found:
        outputs = outputs_by_name(model, model(batch, training=False))
    inner = {name: tf.cast(t, tf.float32) for name, t in named(found).items() if name in layers}
    if not prediction:
        return inner
    if list(outputs) != [""]:
        raise UsageError(f"The teacher '{alias}' has several outputs; a teacher has one.")
    hidden = hidden_probability(outputs[""]) if classification else None
    if hidden is not None:
        raise UsageError(
            f"The teacher '{alias}' makes probabilities ({hidden}) and then reshapes, joins or "
            f"clips them, so that its logits cannot be found; put the activation last."
        )
    own = output_tensors("", outputs[""], classification=classification, from_logits=None)
    return {"": own["prediction"], "logits": own["logits"], **inner}
