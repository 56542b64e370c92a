"""What a training is, in plain values, so that a checkpoint is never taken for another training."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tfloss.data import Columns, PreparedData
from tfloss.errors import UsageError
from tfloss.io.checked_npz import digest_of
from tfloss.objective import Objective
from tfloss.student.keras_internals import sublayers

_SHOWN = 60  # characters of a value
_VERSIONS = "versions"
_UNSTEADY = ("name", "seed", "layers", "build_config")  # of a layer; layers are listed themselves


def training_fingerprint(
    formula: str, rows: Mapping[str, Any], model: Any, optimizer: Any, **options: Any
) -> dict[str, Any]:
    """All that decides a training; to be asked for before an optimizer of the user's is built.

    Args:
        formula: its canonical text.
        rows: what it is trained and evaluated on.
        model: what `model_fingerprint` says of the student.
        optimizer: as the user gave it.
        **options: the other arguments that decide the result.
    """
    return {
        "formula": formula,
        **rows,
        "model": model,
        "optimizer": optimizer_fingerprint(optimizer),
        **options,
        "versions": versions_fingerprint(),
    }


def data_fingerprint(data: PreparedData) -> dict[str, Any]:
    """Rows, columns, classes in their order; digests of all values."""
    classes = None if data.classes is None else [str(v) for v in data.classes.values.tolist()]
    return {
        "data": {"name": data.name, "rows": len(data.train), "sha256": _part_digest(data.train)},
        "holdout": {"rows": len(data.holdout), "sha256": _part_digest(data.holdout)},
        "classes": classes,
        "features": list(data.feature_names),
    }


def _part_digest(part: Columns) -> str:
    arrays = {**part.values, **{f"present:{n}": v for n, v in part.present.items()}}
    arrays |= {":rows": part.rows, ":codes": part.codes}
    if part.weight is not None:
        arrays[":weight"] = part.weight
    return digest_of(arrays)


def columns_fingerprint(columns: Any) -> dict[str, Any] | None:
    """Of rows that are evaluated, `tfloss.training.program.batch.Columns`."""
    if columns is None:
        return None
    return {"rows": len(columns), "sha256": digest_of(columns.values)}


def networks_fingerprint(objective: Objective) -> dict[str, Any]:
    """The digests of the frozen networks that a formula calls; nothing where it calls none."""
    return {"networks": found} if (found := objective.networks) else {}


def optimizer_fingerprint(optimizer: Any) -> Any:
    """Its text, or its class and settings as they are before anything is trained."""
    if isinstance(optimizer, str):
        return optimizer
    from tfloss.lazy import keras

    return _nameless(_plain(keras.optimizers.serialize(optimizer)))


def model_fingerprint(model: Any) -> list[Any]:
    """Its layers with their settings, and the shapes of its weights."""
    layers = [
        {"layer": type(layer).__name__, "computes in": layer.compute_dtype}
        | _nameless(_plain(_settings(layer)))
        for layer in sublayers(model, recursive=True)
    ]
    return [*layers, *(f"{tuple(v.shape)} {v.dtype}" for v in model.variables)]


def _settings(layer: Any) -> Any:
    try:
        return layer.get_config()
    except Exception:  # a layer that cannot say; its class and shapes must do
        return {}


def _plain(value: Any) -> Any:
    """What JSON can hold; the rest as text without addresses."""
    return json.loads(json.dumps(value, default=lambda thing: type(thing).__name__))


def _nameless(value: Any) -> Any:
    """Without the names that Keras numbers, and the seeds that it draws."""
    if isinstance(value, dict):
        return {k: _nameless(v) for k, v in value.items() if k not in _UNSTEADY}
    return [_nameless(v) for v in value] if isinstance(value, list) else value


def versions_fingerprint() -> dict[str, str]:
    """Of the libraries that compute."""
    from importlib import metadata

    return {name: metadata.version(name) for name in ("tensorflow", "keras", "numpy")}


def require_same_run(recorded: Mapping[str, Any], now: Mapping[str, Any], folder: Path) -> None:
    """Refuse to go on with another training.

    Raises:
        UsageError: what differs, a line each.
    """
    plain = _plain(dict(now))
    lines = list(_differences(recorded, plain, ""))
    hard = [line for line in lines if not line.startswith(_VERSIONS)]
    if hard:
        raise UsageError(
            f"The checkpoints in '{folder}' are of another training:\n  "
            + "\n  ".join(hard)
            + "\nGo on with the same, or start again in another folder."
        )
    if lines:
        import warnings

        warnings.warn(
            f"Going on with other libraries, the result can differ in its last digits: "
            f"{'; '.join(lines)}.",
            stacklevel=3,
        )


def _differences(old: Any, new: Any, name: str) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(k for k in new if k not in old)]:
            yield from _differences(old.get(key), new.get(key), f"{name}.{key}".strip("."))
    elif _comparable(old, new):
        for place, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _differences(one, other, f"{name}[{place}]")
    elif old != new:
        yield f"{name}: {_short(old)} in the checkpoint, {_short(new)} now"


def _comparable(old: Any, new: Any) -> bool:
    """Whether they are lists that are compared item by item; short lists are shown whole."""
    lists = isinstance(old, list) and isinstance(new, list) and len(old) == len(new)
    return lists and (len(old) > 6 or any(isinstance(item, dict) for item in old))


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
