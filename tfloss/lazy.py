"""TensorFlow, imported at its first use.

Importing TensorFlow takes seconds. A module that writes `from tfloss import tf` can be imported,
and its names listed, without paying for it; the first `tf.something` pays.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any


class LazyModule(ModuleType):
    """Stands for a module that is imported when an attribute of it is first asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)  # inspection (doctest, inspect) must not trigger the import
        return getattr(importlib.import_module(self.__name__), name)

    def __dir__(self) -> list[str]:
        return dir(importlib.import_module(self.__name__))


if TYPE_CHECKING:
    import keras
    import tensorflow as tf
else:
    tf = LazyModule("tensorflow")
    keras = LazyModule("keras")
