"""Saved Keras models as teachers; the student of a run brings its scaling and its rows along."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import tfloss
from tfloss.errors import first_line

_MANIFEST, _SPLIT = "manifest.json", "split.npz"


def network_loader(path: Path) -> Callable[..., Any]:
    """A factory that loads the `.keras` file at `path` when the teacher is made."""

    def load(*, scaled: bool = False) -> Any:
        """A trained Keras model in a .keras file; layers that would run code are refused.

        scaled: whether it was trained on features scaled as in this training.
        """
        from tfloss.teachers import PrefittedTeacher

        try:
            yes_or_no("scaled", scaled)
            of_run = _of_run(path)
            model = tfloss.load_network(path)
        except tfloss.TflossError:
            raise
        except Exception as error:
            reason = first_line(error)
            raise tfloss.DataError(
                f"The teacher '{path}' cannot be loaded: {type(error).__name__}: "
                f"{reason.rstrip('.')}; save it again where it was made."
            ) from error
        return PrefittedTeacher(model, str(path), scaled, **of_run)

    return load


def yes_or_no(setting: str, value: Any) -> None:
    """Refuse a setting that is neither true nor false: any word would count as true."""
    if not isinstance(value, bool):
        raise tfloss.UsageError(f"A teacher cannot have {setting}={value}; say true or false.")


def _of_run(path: Path) -> dict[str, Any]:
    """What the folder of a run says about its student; {} for any other file."""
    from tfloss.data import Encoder, Scaler, check_archive

    manifest = path.parent / _MANIFEST
    if not manifest.is_file():
        return {}
    said = json.loads(manifest.read_text(encoding="utf-8"))
    digest = said.get("sha256", {}).get(path.name)
    if digest is None:
        return {}
    if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        raise tfloss.DataError(
            f"The teacher '{path}' is not the file that the run wrote (its SHA-256 differs from "
            f"the manifest's); restore it from a copy."
        )
    data = said["data"]
    scaler = None if data["scaler"] is None else Scaler.from_values(data["scaler"])
    encoder = None if data["encoder"] is None else Encoder.from_values(data["encoder"])
    names = tuple(data["features"]) if encoder is None else encoder.encoded_names
    found: dict[str, Any] = {"scaler": scaler, "features": names, "link": data["link"]}
    found["encoder"] = encoder
    if (path.parent / _SPLIT).is_file():
        check_archive(path.parent / _SPLIT)
        with np.load(path.parent / _SPLIT, allow_pickle=False) as split:
            found["rows"] = (data["name"], split["train"])
    return found
