"""The network that is trained, with its inner tensors in reach."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from tfloss.lazy import keras, tf
from tfloss.objective import Entry, Scope
from tfloss.student.logits import expose_logits, source_of
from tfloss.student.tapping import layer_of, layers_by_path, named, recording
from tfloss.student.taps import Shape, find_taps, nested_taps, weights_by_path

# Names that every scope has; a layer of the same name stays reachable by no other.
RESERVED = ("inputs", "logits", "probs", "prediction", "weights", "sample_weight", "labels")


@dataclass
class Student:
    """A Keras model and what tfloss knows about it.

    Attributes:
        model: the Keras model; its output, when called, is what its author made it.
        forward_model: the same layers, output the logits.
        taps: Keras tensors of the layers by name; empty where the model is not functional.
        weights: trainable variables by path, 'hidden1/kernel'.
        nested: shapes, where known, of what layers inside of layers return, 'encoder.dense_1'.
        note: one line when something about the model had to be changed, else ''.
        text: how it was asked for.
        link: what a regressor's outputs are of what it predicts: 'log', 'logit', or the same.
    """

    model: Any
    forward_model: Any
    taps: Mapping[str, Any]
    weights: Mapping[str, Any]
    note: str = ""
    text: str = ""
    nested: Mapping[str, Shape | None] = field(default_factory=dict)
    link: str = ""
    _compiled: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def n_outputs(self) -> int:
        """How many logits: 1 for two classes, C for C classes."""
        return int(self.forward_model.output_shape[-1])

    def compiled_for(self, inputs: Any) -> Any:
        """A function from any number of rows such as `inputs` to logits, not in training.

        Compiled once for each kind of row, however often it predicts.
        """
        rows = tf.TensorSpec((None, *inputs.shape[1:]), inputs.dtype)
        if rows not in self._compiled:
            forward = tf.function(lambda x: self.forward_model(x, training=False), autograph=False)
            self._compiled[rows] = forward.get_concrete_function(rows)
        return self._compiled[rows]

    def tapped(self, names: Collection[str]) -> Any:
        """A Keras model from inputs to `logits` and the taps in `names`, as a dictionary.

        One forward pass computes them all.
        """
        wanted = {name: self.taps[name] for name in sorted(set(names) & set(self.taps))}
        nested = sorted((set(names) & set(self.nested)) - set(wanted))
        if nested:
            return Recorded(self.forward_model, [*wanted, *nested])
        if not wanted:
            return _Dictionary(self.forward_model)
        outputs = {"logits": self.forward_model.outputs[0], **wanted}
        return keras.Model(source_of(self.forward_model), outputs)

    def scope(self, task: str = "classification", link: str = "") -> Scope:
        """The names that the student brings into a formula, whose losses have this link."""
        width = self.n_outputs
        entries = [
            Entry("inputs", "data", tuple(self.forward_model.input_shape), known_outside=True),
            Entry("logits", "student output", (None, width)),
            *prediction_entries(width, task, link),
            *(
                Entry(name, "student layer", tuple(tensor.shape))
                for name, tensor in self.taps.items()
                if name not in RESERVED
            ),
            *(
                Entry(name, "student layer", shape)
                for name, shape in self.nested.items()
                if name not in self.taps
            ),
        ]
        return Scope(entries, weights=self.weights)


class _Dictionary:
    """Calls a model with one output and names it `logits`; for models without reachable layers."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def __call__(self, inputs: Any, training: bool) -> dict[str, Any]:
        return {"logits": self.model(inputs, training=training)}

    @property
    def losses(self) -> list[Any]:
        return self.model.losses


class Recorded:
    """Calls a model with one output and names it `logits`, next to inner tensors at any depth."""

    def __init__(self, model: Any, names: Collection[str]) -> None:
        self.model = model
        paths = layers_by_path(model)
        found = [(layer_of(name, paths), name) for name in names]
        self._layers = {path: paths[path] for path, _ in found if path is not None}
        self._names = frozenset(names)

    def __call__(self, inputs: Any, training: bool) -> dict[str, Any]:
        with recording(self._layers) as found:
            logits = self.model(inputs, training=training)
        tensors = {name: tensor for name, tensor in named(found).items() if name in self._names}
        return {"logits": logits, **tensors}

    @property
    def losses(self) -> list[Any]:
        return self.model.losses


def prediction_entries(width: int | None, task: str, link: str = "") -> list[Entry]:
    """`probs` and `prediction`, which follow from the logits, and the weights.

    `link`: see `tfloss.training.target_units.link_of`; next to a loss of the logits of shares, the
    prediction is the share itself.
    """
    if task == "classification":
        activation = _sigmoid if width == 1 else _softmax
        origin = "sigmoid of logits" if width == 1 else "softmax of logits"
        predictions = [
            Entry("probs", origin, (None, width), activation),
            Entry("prediction", origin, (None, width), activation),
        ]
    elif link == "logit":
        predictions = [Entry("prediction", "sigmoid of logits", (None, width), _sigmoid)]
    else:
        predictions = [Entry("prediction", "logits", (None, width), lambda t: t["logits"])]
    return [
        *predictions,
        Entry("weights", "student's trainable weights", None, varies_per_example=False),
        Entry("sample_weight", "data, 1 unless given", (None,), _ones, known_outside=True),
    ]


def _sigmoid(tensors: Mapping[str, Any]) -> Any:
    return tf.sigmoid(tf.cast(tensors["logits"], tf.float32))


def _softmax(tensors: Mapping[str, Any]) -> Any:
    return tf.nn.softmax(tf.cast(tensors["logits"], tf.float32))


def _ones(tensors: Mapping[str, Any]) -> Any:
    return tf.ones(tf.shape(tensors["logits"])[:1], tf.float32)


def wrap_model(model: Any, *, text: str = "") -> Student:
    """Make a student of a Keras model.

    Where the model ends in a sigmoid or softmax, its logits are taken from before it, since losses
    are computed from logits; `note` says so.

    Raises:
        UsageError: the model is not built, or has several outputs.
    """
    model = getattr(model, "tfloss_student", model)  # an attached model trains the model inside
    forward_model, note = expose_logits(model)
    return Student(
        model=model,
        forward_model=forward_model,
        taps=find_taps(forward_model),
        weights=weights_by_path(forward_model),
        note=note,
        text=text or model.name,
        nested=nested_taps(forward_model),
    )
