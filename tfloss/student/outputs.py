"""What an output brings into a formula: its logits and probabilities."""

from __future__ import annotations

from typing import Any

from tfloss.errors import UsageError
from tfloss.lazy import tf
from tfloss.student.keras_internals import logits_at

_PROBABILITIES = ("Sigmoid", "Softmax")
_SMALLEST = 1e-7  # a probability; Keras' epsilon
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
_ARITHMETIC = ("AddV2", "Add", "AddN", "Sub", "Mul", "RealDiv", "Mean", "Sum", "Neg", "SelectV2")
_PRODUCTS = ("MatMul", "BatchMatMulV2", "Einsum")  # of weights and probabilities: a layer
_NUMBERS = ("Const", "ReadVariableOp", "Shape", "Range")


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
    """'sigmoid' or 'softmax' where one made an output that was changed afterwards, else None.

    Reshaped, joined, clipped, averaged, mixed or subtracted, it is no logit; taken for one it would
    be squashed a second time, without a word.
    """
    if tf.executing_eagerly() or not tf.is_tensor(output) or logits_behind(output) is not None:
        return None
    return _maker_of(output.op, {}) or None


def _maker_of(operation: Any, seen: dict[str, str | None]) -> str | None:
    """What made a probability: its operation; '' of a number or a weight; None of anything else."""
    if operation.name in seen:
        return seen[operation.name]
    seen[operation.name] = None
    made: str | None = None
    if operation.type in _PROBABILITIES:
        made = str(operation.type.lower())
    elif operation.type in _NUMBERS:
        made = ""
    elif operation.type in (*_CARRIERS, *_ARITHMETIC, *_PRODUCTS):
        parts = [_maker_of(tensor.op, seen) for tensor in operation.inputs]
        kinds = [part for part in parts if part]
        # Arithmetic makes a probability of probabilities alone: a gate times logits is none.
        whole = operation.type in _CARRIERS or None not in parts
        whole &= operation.type not in _PRODUCTS or len(kinds) == len(parts)
        made = kinds[0] if kinds and whole else ("" if None not in parts else None)
    seen[operation.name] = made
    return made


def refuse_hidden_probabilities(name: str, output: Any) -> None:
    """Refuse an output of the student whose logits cannot be found; see `hidden_probability`.

    Raises:
        UsageError: with what to do.
    """
    made = hidden_probability(output)
    if made is not None:
        raise UsageError(
            f"The output{f' {name!r}' if name else ''} was made a probability ({made}) and then "
            f"changed by arithmetic, reshaped, joined or clipped, so its logits are out of reach; "
            f"put the activation last, or say from_logits=False where it still is a probability. "
            f"If it is meant to be taken for logits, say from_logits=True."
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
    """
    behind = None if from_logits else logits_behind(output)
    value = tf.cast(output, tf.float32)
    if behind is not None:
        logits, probs = tf.cast(behind, tf.float32), value
    elif from_logits is False:
        logits, probs = _logs(value), value
    else:
        logits, probs = value, _activated(value)
    prediction = probs if classification else value
    parts = {"logits": logits, "probs": probs, "prediction": prediction}
    tensors = {_called(name, part): tensor for part, tensor in parts.items()}
    return {**tensors, name: value} if name else tensors


def log_odds_of(name: str, output: Any) -> dict[str, Any]:
    """`logits` of probabilities whose columns are independent, for losses of single elements.

    Nothing where the logits themselves are known.
    """
    if logits_behind(output) is not None:
        return {}
    return {_called(name, "logits"): _log_odds(tf.cast(output, tf.float32))}


def _logs(probs: Any) -> Any:
    """Logits of probabilities: log-odds of one column, logarithms of several.

    Cut off where Keras does, so that the gradient is what Keras has.
    """
    if probs.shape[-1] == 1:
        return _log_odds(probs)
    total = tf.reduce_sum(probs, axis=-1, keepdims=True)
    return tf.math.log(_cut_off(tf.math.divide_no_nan(probs, total)))


def _log_odds(probs: Any) -> Any:
    probs = _cut_off(probs)
    return tf.math.log(probs) - tf.math.log1p(-probs)


def _cut_off(probs: Any) -> Any:
    return tf.clip_by_value(probs, _SMALLEST, 1 - _SMALLEST)


def _activated(logits: Any) -> Any:
    return tf.sigmoid(logits) if logits.shape[-1] == 1 else tf.nn.softmax(logits)


def _called(name: str, part: str) -> str:
    return f"{name}.{part}" if name else part
