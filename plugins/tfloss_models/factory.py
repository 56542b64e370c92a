"""Models of one's own: `module:factory`, or a saved `file.keras`."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import tfloss
from tfloss.importing import working_directory_first

_PICKLES = (".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle", ".pt", ".pth")


def saved_model(path: str) -> Any:
    """The declaration of a model that is loaded from a `.keras` file, never running its code."""

    def load(inputs: int, outputs: int) -> Any:
        """Load a saved Keras model; layers that would run code of their own are refused."""
        return tfloss.load_network(path)

    return tfloss.model(load, name="saved_model")


def imported_factory(reference: str) -> Any:
    """The declaration of `module:factory`; the factory gets (inputs, outputs)."""
    module_name, _, attribute = reference.partition(":")

    def build(inputs: int, outputs: int) -> Any:
        """Call the factory with the number of features and the number of logits."""
        with working_directory_first():
            module = importlib.import_module(module_name)
        return getattr(module, attribute)(inputs, outputs)

    return tfloss.model(build, name="factory")


@tfloss.hookimpl
def tfloss_find(kind: str, name: str) -> Any:
    """Files that end in .keras, and `module:factory`."""
    if kind != "model":
        return None
    if Path(name).suffix.lower() in _PICKLES:
        raise tfloss.UsageError(
            f"The model '{name}' is a pickle, and loading a pickle runs whatever code it holds; "
            f"save the model with model.save('{Path(name).stem}.keras') where you trust it, or "
            f"name the code that makes it as module:factory."
        )
    if name.endswith(".keras"):
        if not Path(name).is_file():
            raise tfloss.UsageError(f"There is no file '{name}' to load the model from.")
        return saved_model(name)
    module, colon, attribute = name.partition(":")
    if colon and attribute.isidentifier():
        with working_directory_first():
            found = importlib.util.find_spec(module.partition(".")[0])
        if found is None:
            also = "" if "." in module else f" and no model called '{module}'"
            raise tfloss.UsageError(
                f"There is no module '{module}' to take the model '{name}' from{also}; "
                f"`tfloss models` lists the models."
            )
        return imported_factory(name)
    return None
