"""Variables that the losses of a formula hold, as a layer of the attached model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, unquote

from tfloss.lazy import keras
from tfloss.objective import Objective
from tfloss.student.keras_internals import track_variable


class LossVariables(keras.layers.Layer):
    """Owns the variables of an objective, so that Keras trains, counts, saves and loads them.

    They are made when the formula is first computed, since their shapes follow from tensors; a
    model that is loaded knows the shapes from its configuration, and makes them at once.

    Args:
        objective: how to come by the objective, which a subclassed model plans once it has run.
    """

    def __init__(self, objective: Callable[[], Objective]) -> None:
        super().__init__(name="loss_variables")
        self._objective_of = objective
        self._paths: list[str] = []
        self.built = True

    @property
    def _objective(self) -> Objective:
        return self._objective_of()

    def track(self) -> None:
        """Take over what the objective has made since."""
        for path, variable in self._objective.variables.items():
            if path not in self._paths:
                self._paths.append(path)
                track_variable(self, variable)

    def make(self, shapes: Mapping[str, Mapping[str, Any]]) -> None:
        """Make variables whose values are still to be loaded.

        Args:
            shapes: by path, as `shapes` gives them.
        """
        self._objective.states.put(
            {
                path: keras.Variable(
                    keras.ops.zeros(told["shape"]),
                    trainable=told["trainable"],
                    name=path.rpartition("/")[2],
                )
                for path, told in shapes.items()
            }
        )
        self.track()

    @property
    def shapes(self) -> dict[str, dict[str, Any]]:
        """Shape and kind of each variable by path, for a configuration."""
        return {
            path: {"shape": list(variable.shape), "trainable": variable.trainable}
            for path, variable in self._objective.variables.items()
        }

    def call(self, inputs: Any) -> Any:
        """Not a layer that is called."""
        return inputs

    def save_own_variables(self, store: Any) -> None:
        """Each under its path, 'term/variable'."""
        for path, values in self._objective.values().items():
            store[quote(path, safe="")] = values

    def load_own_variables(self, store: Any) -> None:
        """Those of variables that are not yet made are put in as soon as they are."""
        self._objective.load({unquote(name): store[name][...] for name in store.keys()})  # noqa: SIM118
