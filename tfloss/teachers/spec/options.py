"""What can be said of any teacher, whatever estimator it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from tfloss.errors import UsageError, did_you_mean

FITS = ("auto", "cross", "train")
INPUTS = ("auto", "scaled", "unscaled", "frame")
CALIBRATIONS = ("auto", "none", "sigmoid", "isotonic", "temperature")


@dataclass(frozen=True)
class Options:
    """How a teacher is fitted and asked; in its text they stand among its settings.

    Attributes:
        fit: how it predicts rows that it was fitted on. 'cross': out of fold, by models that did
            not see the row; 'train': by the model that saw it; 'auto': 'cross' where there are rows
            enough.
        calibrate: 'sigmoid', 'isotonic' or 'temperature'; 'auto': sigmoid, where the estimator
            has no probabilities; 'none': never, its classes become probabilities near 0 and 1.
        rows: fit on at most this many training rows, chosen at random, stratified.
        force: fit even when the estimated time is above the limit.
        inputs: what it sees of the features. 'scaled': what the student gets; 'unscaled': without
            scaling, gaps filled and categories encoded; 'frame': a pandas data frame of the
            features as they stand in the data; 'auto': 'scaled' for a teacher by its name, for an
            estimator of the user's 'unscaled', or 'frame' where it selects columns by name.
    """

    fit: str = "auto"
    calibrate: str = "auto"
    rows: int | None = None
    force: bool = False
    inputs: str = "auto"

    def __post_init__(self) -> None:
        for name, allowed in (("fit", FITS), ("calibrate", CALIBRATIONS), ("inputs", INPUTS)):
            value = getattr(self, name)
            if value not in allowed:
                raise UsageError(
                    f"A teacher cannot have {name}={value}; it is one of {', '.join(allowed)}."
                    f"{did_you_mean(str(value), allowed)}"
                )
        if self.rows is not None and (not isinstance(self.rows, int) or self.rows < 2):
            raise UsageError(f"A teacher cannot have rows={self.rows}; give a number from 2 on.")

    def taking(self, settings: Mapping[str, Any]) -> tuple[Options, dict[str, Any]]:
        """These options, overruled by those among `settings`; and the settings that remain."""
        names = {field.name for field in fields(self)}
        own = {name: value for name, value in settings.items() if name in names}
        if "calibrate" in own:
            # `false` and `none` were read as values; a bare `true` asks for the usual way.
            own["calibrate"] = {None: "none", False: "none", True: "sigmoid"}.get(
                own["calibrate"], own["calibrate"]
            )
        if not isinstance(own.get("force", False), bool):
            raise UsageError(f"A teacher cannot have force={own['force']}; say true or false.")
        rest = {name: value for name, value in settings.items() if name not in names}
        return replace(self, **own), rest


def options_text() -> str:
    """The options with their defaults, for a teacher's page."""
    return ", ".join(f"{field.name}={field.default}" for field in fields(Options))
