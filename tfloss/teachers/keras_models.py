"""A trained Keras model as a teacher: its probabilities, its logits, and its inner layers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfloss.data import Columns, PreparedData, Scaler
from tfloss.data.links import to_units
from tfloss.errors import DataError, PluginError, UsageError, listed
from tfloss.lazy import keras, tf
from tfloss.teachers.fitting.batched import OnRows, Predictions, in_chunks
from tfloss.teachers.fitting.classifiers import FAILURES, failed
from tfloss.teachers.fitting.probabilities import aligned
from tfloss.teachers.network_tensors import network_tensors, refuse_unknown_layers
from tfloss.teachers.prefitted import (
    PrefittedTeacher,
    refuse_lost_features,
    refuse_other_features,
    saw_holdout,
)
from tfloss.teachers.views import UNSCALED, View

OWN_TENSORS = frozenset({"logits", "std"})  # what `alias.NAME` means before any layer


def is_network(thing: Any) -> bool:
    """Whether it is a Keras model; Keras is not imported to find out."""
    loaded = sys.modules.get("keras")
    return loaded is not None and isinstance(thing, loaded.Model)


@dataclass(frozen=True, eq=False)
class FittedNetwork:
    """A trained Keras model, ready to be asked.

    Attributes:
        estimator: the model.
        forward: from (m, d) float32 rows to arrays by name; see `network_tensors`.
        classes: the number of declared classes; None for regression.
        name: the teacher's name, for messages.
        notes: what a user should know, a sentence each.
        unscale: undoes the scaling of the inputs, for a model that knows them unscaled.
        rescale: how its own features were scaled; after `unscale`.
        view: how it sees rows, where it was trained on features that were encoded.
        link: what its outputs are of the quantity that it predicts.
        layers: the names of the layers asked for.
    """

    estimator: Any
    forward: Callable[[np.ndarray], Mapping[str, np.ndarray]]
    classes: int | None
    name: str
    notes: tuple[str, ...] = ()
    unscale: Scaler | None = None
    rescale: Scaler | None = None
    layers: tuple[str, ...] = ()
    view: View | None = None
    link: str = ""

    @property
    def identity(self) -> Any:
        """All that its predictions depend on besides the rows.

        A subclassed model has no configuration that would say what it computes, so it has none.
        """
        if not _is_graph(self.estimator):
            raise TypeError("what a subclassed model computes is not visible from outside")
        weights = [weight.numpy() for weight in self.estimator.weights]
        what = (self.estimator.to_json(), weights, self.layers, keras.__version__)
        view = None if self.view is None else self.view.identity
        return "network", *what, self.classes, self.unscale, self.rescale, view, self.link

    def rows(self, part: Columns) -> np.ndarray:
        """The rows of a part as `predict` takes them."""
        return part.inputs if self.view is None else self.view.rows(part)

    def predict(
        self, inputs: np.ndarray, *, n_jobs: int | None = None, on_progress: OnRows | None = None
    ) -> Predictions:
        """Its predictions as '', for classes also 'logits', and each layer asked for, by its name.

        TensorFlow spreads one forward pass over the processors itself, so `n_jobs` does nothing.

        Raises:
            PluginError: the model failed, or answered with NaN or infinity.
        """
        return in_chunks(self._piece, inputs, n_jobs=1, on_progress=on_progress)

    def _piece(self, inputs: np.ndarray) -> Predictions:
        inputs = inputs if self.unscale is None else self.unscale.restore(inputs)
        inputs = inputs if self.rescale is None else self.rescale.transform(inputs)
        try:
            predictions = dict(self.forward(inputs.astype(np.float32)))
        except FAILURES as error:
            raise failed(self.name, f"in predict on {len(inputs)} rows", error) from error
        for key, values in sorted(predictions.items(), reverse=True):  # 'logits' before ''
            if not np.isfinite(values).all():
                raise PluginError(
                    f"The teacher '{self.name}' has NaN or infinity in its tensor '{key}'; look "
                    f"at its weights, and whether it expects scaled features (scaled=true)."
                )
        prediction, logits = predictions.pop(""), predictions.pop("logits").astype(np.float64)
        if self.classes is None:
            return {"": to_units(prediction, self.link), **predictions}
        if self.classes == 2 and logits.shape[1] == 2:
            logits = logits[:, 1:] - logits[:, :1]
        own = np.arange(self.classes)
        probabilities = aligned(_softmax(logits), own, len(inputs), self.classes, self.name)
        return {"": probabilities, "logits": logits, **predictions}


def check_network(
    known: PrefittedTeacher, data: PreparedData, name: str, layers: Collection[str]
) -> FittedNetwork:
    """A trained Keras model, ready to predict this data.

    Args:
        known: a `keras.Model` with one input of (batch, features) and one output.
        data: what it will predict.
        name: the teacher's name, for messages.
        layers: the names of its layers whose outputs are wanted.

    Raises:
        DataError: it takes other features, gives another number of outputs, or is known to have
            been trained on rows of the holdout.
        UsageError: it has not been built, or has no such layer.
    """
    model = known.estimator
    view = _own_view(known, data, name)
    if data.embeddings and view is None:
        columns = listed(one.name for one in data.embeddings)
        raise UsageError(
            f"The teacher '{name}' is a network, which would take the positions of embedded "
            f"categories ({columns}) for numbers; leave embed out, or take an estimator."
        )
    if view is None:
        refuse_lost_features(known, data, name)
        refuse_other_features(known.features or data.feature_names, data, name)
    features = len(known.features) if view is not None else data.n_features
    checked = known.rows is not None and known.rows[0] == data.name
    if known.rows is not None and checked:
        seen = int(np.isin(data.holdout.rows, known.rows[1]).sum())
        if seen:
            raise DataError(saw_holdout(name, seen, data))
    classes = None if data.classes is None else len(data.classes)
    _same_features(model, data, features, name)
    wanted = tuple(sorted(layers))
    refuse_unknown_layers(name, model, wanted)
    forward, width = _compiled(model, classes is not None, wanted, features, name)
    allowed = {1} if classes is None else {data.n_outputs, classes}
    if width not in allowed:
        counts = " or ".join(str(count) for count in sorted(allowed))
        raise DataError(
            f"The teacher '{name}' gives {width} outputs, but '{data.name}' needs {counts}; use a "
            f"model that was trained on these data."
        )
    unscale, rescale = (None, None) if known.scaled else (data.scaler, known.scaler)
    if view is not None:
        unscale = None  # the view shows them unscaled
    how = "features as they stand in the data" if unscale else "the features of this training"
    how = "its features scaled as when it was trained" if rescale else how
    notes = [f"Keras model '{model.name}' was trained before; it gets {how}."]
    if not checked and len(data.holdout):
        notes.append(
            "Whether it was trained on rows of the holdout is not known; the student of a run is "
            "known by its folder."
        )
    if classes is not None and not _is_graph(model):
        notes.append(
            "It is subclassed: unless a sigmoid or softmax makes its output, that is taken as "
            "logits."
        )
    return FittedNetwork(
        model, forward, classes, name, tuple(notes), unscale, rescale, wanted, view, known.link
    )


def _own_view(known: PrefittedTeacher, data: PreparedData, name: str) -> View | None:
    """Rows with the gaps and categories of its own training; None where it knows of none.

    Raises:
        DataError: a feature that it was trained on is not there.
    """
    if known.encoder is None or known.scaled:
        return None
    source = data.source
    missing = [n for n in known.encoder.names if source is None or n not in source.names]
    if source is None or missing:
        raise DataError(
            f"The teacher '{name}' was trained on the feature '{(missing or ['?'])[0]}', which "
            f"'{data.name}' does not have; use one that was trained on these data."
        )
    return View(UNSCALED, encoder=known.encoder, source=source, positions=True)


def _is_graph(model: Any) -> bool:
    """Whether its layers are known to Keras as a graph: functional and sequential models are."""
    return bool(getattr(model, "outputs", None))


def _same_features(model: Any, data: PreparedData, features: int, name: str) -> None:
    if not model.built:
        raise UsageError(
            f"The teacher '{name}' is a Keras model without weights; train it first, or load it."
        )
    shape = getattr(model, "input_shape", (None, features))
    if isinstance(shape, list) or len(shape) != 2 or shape[1] not in (None, features):
        raise DataError(
            f"The teacher '{name}' takes inputs of shape {shape}, but '{data.name}' has "
            f"{features} features; use a model that was trained on these data."
        )


def _compiled(
    model: Any, classification: bool, layers: Sequence[str], features: int, name: str
) -> tuple[Callable[[np.ndarray], Mapping[str, np.ndarray]], int]:
    """The compiled forward pass for any number of rows, and the number of outputs."""

    def call(rows: Any) -> Any:
        return network_tensors(name, model, rows, layers, classification=classification)

    signature = tf.TensorSpec((None, features), tf.float32)
    traced = tf.function(call, autograph=False).get_concrete_function(signature)

    def forward(rows: np.ndarray) -> Mapping[str, np.ndarray]:
        return {key: values.numpy() for key, values in traced(tf.constant(rows)).items()}

    return forward, int(traced.structured_outputs["logits"].shape[-1])


def _softmax(logits: np.ndarray) -> np.ndarray:
    """(n, classes): sigmoid of one column, as two columns; softmax of several."""
    from scipy.special import expit, softmax

    if logits.shape[1] == 1:
        return np.concatenate([expit(-logits), expit(logits)], axis=1)
    return softmax(logits, axis=1)
