"""`fit` of an attached model on several machines, by the compiled loop.

Keras' own `fit` stops at its first batch under a MultiWorkerMirroredStrategy (keras#20585).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfloss.errors import UsageError, listed
from tfloss.keras_integration.validation import is_arrays
from tfloss.training.program.replication import Replication, strategy_of

# Options of Keras' `fit` that `tfloss.fit_model` has, and those that say no more than a default.
_SHARED = (
    "batch_size",
    "epochs",
    "verbose",
    "callbacks",
    "validation_split",
    "validation_data",
    "shuffle",
    "class_weight",
    "sample_weight",
    "initial_epoch",
    "validation_batch_size",
)
_DEFAULTS = {"steps_per_epoch": None, "validation_steps": None, "validation_freq": 1}


def has_workers(model: Any) -> bool:
    """Whether a model was built for the replicas of several processes."""
    strategy = strategy_of(model.variables)
    return strategy is not None and Replication(strategy).has_workers


def fit_on_workers(model: Any, x: Any, y: Any, options: Mapping[str, Any]) -> Any:
    """Train an attached model; returns the `keras.callbacks.History`.

    Raises:
        UsageError: data that are not arrays, or an option that only Keras' own loop has.
    """
    from tfloss.keras_integration.fit import fit_model

    if not is_arrays(x):
        raise UsageError(
            "Under a MultiWorkerMirroredStrategy fit takes arrays; for a tf.data.Dataset call "
            "tfloss.fit_stream."
        )
    others = [
        name
        for name, value in options.items()
        if name not in _SHARED and value is not None and _DEFAULTS.get(name, value) != value
    ]
    others += [n for n in ("steps_per_epoch", "validation_steps") if options.get(n) is not None]
    if others:
        raise UsageError(
            f"Under a MultiWorkerMirroredStrategy fit does not know {listed(others)}; it knows "
            f"{listed(_SHARED)}."
        )
    given = {name: options[name] for name in _SHARED if options.get(name) is not None}
    verbose = given.pop("verbose", 0)
    return fit_model(model, (x, y), verbose=0 if verbose == "auto" else verbose, **given)
