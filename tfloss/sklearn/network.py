"""A fitted network that can be copied, pickled and saved: its weights are arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfloss.data import Encoder, Scaler, Table, rows_at_once
from tfloss.data.links import to_units
from tfloss.errors import UsageError, first_line
from tfloss.lazy import keras, tf
from tfloss.sklearn.sparse import is_sparse
from tfloss.student import Student, wrap_model
from tfloss.training.program.optimizers import make_optimizer

_KEPT = ("architecture", "weights", "optimizer")


class Network:
    """The trained student, with the scaling of its features.

    A copy of it (by `copy`, pickle, joblib or skops) holds the architecture as JSON and the weights
    as arrays, and builds the Keras model when it is first asked; layers of one's own must then be
    registered with Keras. Code inside a model (a Lambda layer) is refused by Keras' safe mode.

    Args:
        model: a Keras model from scaled features (n, d) to logits or answers (n, k).
        scaler: of the features; None where they are taken as they are.
        link: what the model's answers are of what is predicted; see `target_units.link_of`.
        optimizer: the Keras optimizer, where training goes on with it.
        student: the model as a student, which keeps the compiled programs of its training.
        encoder: of a data frame's gaps and categories; None: the features are numbers.
    """

    def __init__(
        self,
        model: Any,
        scaler: Scaler | None,
        link: str = "",
        optimizer: Any = None,
        student: Student | None = None,
        encoder: Encoder | None = None,
    ) -> None:
        self._model = model
        self._optimizer = optimizer
        self._student = student
        self._saved: dict[str, Any] = {}
        self.scaler = scaler
        self.link = link
        self.encoder = encoder

    @property
    def model(self) -> Any:
        """The Keras model, from scaled features to logits or answers."""
        if self._model is None:
            model = keras.models.model_from_json(self._saved["architecture"])
            model.set_weights(self._saved["weights"])
            self._model = model
        return self._model

    @property
    def student(self) -> Student:
        """The model as a student, to be trained further."""
        if self._student is None:
            self._student = wrap_model(self.model)
            self._student.link = self.link
        return self._student

    def optimizer(self, wanted: Any) -> Any:
        """The optimizer that has trained it so far, else a new one by this text."""
        if self._optimizer is None:
            self._optimizer = make_optimizer(wanted)
            values = self._saved.get("optimizer")
            if values:
                self._optimizer.build(self.model.trainable_variables)
                for variable, value in zip(self._optimizer.variables, values, strict=True):
                    variable.assign(value)
        return self._optimizer

    def __call__(self, features: Any) -> np.ndarray:
        """The model's predictions, (n, k) float64, for features as they stand in the data.

        They are (n, d), or a table of the encoder's columns.
        """
        if isinstance(features, Table):
            assert self.encoder is not None
            features = self.encoder.encode(features)
        count = rows_at_once(features.shape[1])
        pieces = [
            self._piece(features[at : at + count]) for at in range(0, features.shape[0], count)
        ]
        return to_units(np.concatenate(pieces), self.link)

    def _piece(self, features: Any) -> np.ndarray:
        features = features.toarray() if is_sparse(features) else features
        if self.scaler is not None:
            features = self.scaler.transform(features)
        rows = np.ascontiguousarray(features, np.float32)
        logits: np.ndarray = self.model(tf.constant(rows), training=False).numpy()
        return logits

    def __getstate__(self) -> dict[str, Any]:
        if self._model is not None:
            kept = self._saved.get("optimizer", [])
            self._saved = _as_values(self._model)
            if self._optimizer is not None:
                kept = [variable.numpy() for variable in self._optimizer.variables]
            self._saved["optimizer"] = kept
        scaler = None if self.scaler is None else self.scaler.to_values()
        encoder = None if self.encoder is None else self.encoder.to_values()
        return {**self._saved, "scaler": scaler, "link": self.link, "encoder": encoder}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._model = self._optimizer = self._student = None
        self._saved = {key: state[key] for key in _KEPT}
        self.link = state["link"]
        scaler = state["scaler"]
        self.scaler = None if scaler is None else Scaler.from_values(scaler)
        encoder = state["encoder"]
        self.encoder = None if encoder is None else Encoder.from_values(encoder)


def _as_values(model: Any) -> dict[str, Any]:
    """The architecture as JSON, and the weights in Keras' order."""
    try:
        architecture = model.to_json()
    except (NotImplementedError, TypeError, ValueError) as error:
        raise UsageError(
            f"The network '{model.name}' cannot be saved or copied, since Keras cannot describe "
            f"it: {first_line(error)} Give its layers a get_config."
        ) from error
    return {"architecture": architecture, "weights": [np.array(w) for w in model.get_weights()]}
