"""Export: write, ask what was written, compare, and only then put it in place."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfloss.data import Encoder
from tfloss.errors import NumericsError, PluginError, TflossError, UsageError, listed
from tfloss.exporting.formats import FORMATS, describe, format_of, refuse_missing
from tfloss.exporting.network import expected, handed_in, network_for
from tfloss.exporting.source import Source
from tfloss.io.atomic import refuse_existing, write_new

TOLERANCE = 1e-4  # of the largest answer, or of 1


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        path: the file, or the folder for 'savedmodel'.
        format: 'keras', 'savedmodel', 'onnx' or 'litert'.
        rows: how many real rows were compared.
        difference: the largest absolute difference between its answers and the student's.
        answer: 'logits', 'probs' or 'prediction'.
    """

    path: Path
    format: str
    rows: int
    difference: float
    answer: str


def export(
    source: Source,
    path: str | Path,
    *,
    format: str | None = None,
    with_scaler: bool = False,
    probs: bool = False,
) -> Exported:
    """Write a student so that it runs without tfloss, and compare its answers on real rows.

    What was written is read back and asked by the format's own runtime (Keras, TensorFlow,
    onnxruntime, LiteRT) before it gets its name; when it fails or differs, nothing is left.

    Args:
        source: the student and rows.
        path: a new file, or a new folder for 'savedmodel'; nothing is overwritten.
        format: 'keras', 'savedmodel', 'onnx', 'litert'; default: by the ending of `path`.
        with_scaler: it takes features as they stand in the data, and scales them inside.
        probs: a classifier answers with probabilities instead of logits: of the second class,
            (n, 1), for two classes; of all, (n, C), for more.

    Raises:
        UsageError: something is at `path`, or a package is not installed.
        NumericsError: it answers otherwise than the student.
        PluginError: the format cannot hold this network.
    """
    path = Path(path)
    format = format_of(path, format)
    refuse_existing(path)
    refuse_missing(format)
    if with_scaler and source.encoder is not None:
        refuse_text(format, source.encoder)
    network = network_for(source, with_scaler=with_scaler, probs=probs)
    difference = np.nan

    def write(temporary: Path) -> None:
        nonlocal difference
        answers = _written_and_asked(network, temporary, format, source, with_scaler)
        difference = _difference(answers, expected(source, probs=probs), format)

    write_new(path, write)
    return Exported(path, format, len(source.features), float(difference), network.layers[-1].name)


def refuse_text(format: str, encoder: Encoder) -> None:
    """Refuse categories inside of a file that cannot look text up.

    Raises:
        UsageError: with what to do.
    """
    if encoder.texts and not FORMATS[format].text:
        names = listed(encoder.texts)
        raise UsageError(
            f"A student exported as {format} cannot look up the text of {names}; export it as "
            f"keras or savedmodel, or without the preprocessing (no --with-scaler): it then takes "
            f"{len(encoder.encoded_names)} encoded columns."
        )


def _written_and_asked(
    network: object, path: Path, format: str, source: Source, with_scaler: bool
) -> np.ndarray:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the converters' own, about their dependencies
            FORMATS[format].write(network, path)
            describe(format, path, _words(source, with_scaler))
            return FORMATS[format].ask(path, handed_in(source, with_scaler=with_scaler))
    except (TflossError, OSError):
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).partition("\n")[0][:300]
        raise PluginError(
            f"The student cannot be exported as {format}: {type(error).__name__}: {reason}"
        ) from error


def _words(source: Source, with_scaler: bool) -> dict[str, list[str]]:
    """What numbers in and out are called, for a file that can hold words."""
    own = source.encoder is None or with_scaler
    names = source.names if own else source.encoder.encoded_names  # type: ignore[union-attr]
    words = {"features": list(names), "classes": list(source.classes)}
    return {name: values for name, values in words.items() if values}


def _difference(answers: np.ndarray, reference: np.ndarray, format: str) -> float:
    answers = np.asarray(answers, np.float64)
    if answers.shape != reference.shape:
        raise NumericsError(
            f"The student exported as {format} answers with shape {answers.shape} where "
            f"{reference.shape} is due; nothing was written."
        )
    difference = float(np.abs(answers - reference).max())
    allowed = TOLERANCE * max(1.0, float(np.abs(reference).max()))
    if not difference <= allowed:  # NaN differs
        raise NumericsError(
            f"The student exported as {format} differs by {difference:.2g} from the student on "
            f"{len(reference)} rows, above {allowed:.2g}; nothing was written."
        )
    return difference
