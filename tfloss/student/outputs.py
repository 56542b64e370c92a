"""What an output brings into a formula: its logits and probabilities."""

from __future__ import annotations

from typing import Any

from tfloss.errors import UsageError
from tfloss.lazy import tf
from tfloss.student.keras_internals import logits_at

_PROBABILITIES = ("Sigmoid", "Softmax")
# Operations that leave a probability a probability.
_CARRIERS = (
    "Identity",
    "Reshape",
    "Squeeze",
    "ExpandDims",
    "Cast",
    "Transpose",
    "ConcatV2",
    "Pack",
    "Maximum",
    "Minimum",
    "ClipByValue",
    "StridedSlice",
)


def logits_behind(output: Any) -> Any | None:
    """The tensor before the sigmoid or softmax that made `output`; None where there is none.

    Keras' own activations leave a note at their result. Where TensorFlow's were called instead, a
    compiled step still shows which operation it was.
    """
    noted = logits_at(output)
    if noted is not None:
        return noted
    if tf.executing_eagerly() or not tf.is_tensor(output):
        return None
    operation = output.op
    return operation.inputs[0] if operation.type in _PROBABILITIES else None


def hidden_probability(output: Any) -> str | None:
    """'sigmoid' or 'softmax' where one made an output that was then reshaped, joined or clipped.

    Taken for logits it would be squashed a second time, without a word.
    """
    if tf.executing_eagerly() or not tf.is_tensor(output) or logits_behind(output) is not None:
        return None
    waiting, seen = [output.op], set()
    while waiting:
        operation = waiting.pop()
        if operation.type in _PROBABILITIES:
            return str(operation.type.lower())
        if operation.type in _CARRIERS and operation.name not in seen:
            seen.add(operation.name)
            waiting += [tensor.op for tensor in operation.inputs]
    return None


def refuse_hidden_probabilities(name: str, output: Any) -> None:
    """Refuse an output of the student whose logits cannot be found; see `hidden_probability`.

    Raises:
        UsageError: with what to do.
    """
    made = hidden_probability(output)
    if made is not None:
        raise UsageError(
            f"The output{f' {name!r}' if name else ''} was made a probability ({made}) and then "
            f"reshaped, joined or clipped, so its logits are out of reach; put the activation "
            f"last, or leave it out. If it is meant to be taken for logits, say from_logits=True."
        )


def output_tensors(
    name: str, output: Any, *, classification: bool, from_logits: bool | None
) -> dict[str, Any]:
    """What one output brings into a formula, float32: `logits`, `probs` and `prediction`.

    Args:
        name: of the output, '' for the only one; else the names are `NAME`, `NAME.logits`, ….
        output: what the model answered.
        classification: whether an output without activation is logits.
        from_logits: False: it is probabilities; True: logits; None: found out.

    Raises:
        UsageError: it is said to be probabilities, and the logits cannot be found.
    """
    behind = None if from_logits else logits_behind(output)
    if from_logits is False and behind is None:
        raise UsageError(
            f"The output '{name or 'of the model'}' is said to be probabilities, but no sigmoid or "
            f"softmax was found that made it; return logits, or end in keras.activations.sigmoid."
        )
    value = tf.cast(output, tf.float32)
    logits = value if behind is None else tf.cast(behind, tf.float32)
    probs = value if behind is not None else _activated(value)
    prediction = probs if classification else value
    parts = {"logits": logits, "probs": probs, "prediction": prediction}
    tensors = {_called(name, part): tensor for part, tensor in parts.items()}
    return {**tensors, name: value} if name else tensors


def _activated(logits: Any) -> Any:
    return tf.sigmoid(logits) if logits.shape[-1] == 1 else tf.nn.softmax(logits)


def _called(name: str, part: str) -> str:
    return f"{name}.{part}" if name else part
