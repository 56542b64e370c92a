"""Writing a Keras model in each format, and asking what was written with the format's own runtime.

TensorFlow is imported by the functions that write and read, not before.
"""

from __future__ import annotations

import importlib
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from tfloss.errors import UsageError, did_you_mean, listed
from tfloss.lazy import keras, tf


def _write_keras(model: Any, path: Path) -> None:
    model.save(path)


def _ask_keras(path: Path, rows: np.ndarray) -> np.ndarray:
    loaded = keras.models.load_model(path, compile=False, safe_mode=True)
    return np.asarray(loaded(rows, training=False))


def _write_savedmodel(model: Any, path: Path) -> None:
    model.export(str(path), format="tf_saved_model", verbose=False)


def _ask_savedmodel(path: Path, rows: np.ndarray) -> np.ndarray:
    loaded = tf.saved_model.load(str(path))
    return loaded.serve(rows if isinstance(rows, dict) else tf.constant(rows)).numpy()


def _write_onnx(model: Any, path: Path) -> None:
    model.export(str(path), format="onnx", verbose=False)


def _ask_onnx(path: Path, rows: np.ndarray) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (only,) = session.get_inputs()
    return session.run(None, {only.name: rows})[0]


def _describe_onnx(path: Path, texts: Mapping[str, str]) -> None:
    import onnx

    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, dict(texts))
    onnx.save(model, str(path))


def _write_litert(model: Any, path: Path) -> None:
    model.export(str(path), format="litert", verbose=False)


def _ask_litert(path: Path, rows: np.ndarray) -> np.ndarray:
    interpreter = _litert_interpreter()(model_path=str(path))
    place = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(place, rows.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(place, rows)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def _describe_litert(path: Path, texts: Mapping[str, str]) -> None:
    """Pack files behind the model, where LiteRT's tools look for labels: the file is a ZIP too.

    Source: "Pack metadata and associated files into the model",
    https://ai.google.dev/edge/litert/conversion/tensorflow/metadata. The flatbuffer of metadata
    that goes with them can only be written by a package that is not maintained for today's Python.
    """
    with zipfile.ZipFile(path, "a") as archive:
        for name, text in texts.items():
            archive.writestr(f"{name}.json", text)


def _litert_interpreter() -> Any:
    """Of the package that TensorFlow refers to, where it is installed; else TensorFlow's own."""
    if find_spec("ai_edge_litert") is None:
        return tf.lite.Interpreter
    return importlib.import_module("ai_edge_litert.interpreter").Interpreter


@dataclass(frozen=True)
class Format:
    """One way to write a student.

    Attributes:
        suffix: of its file; '' for a folder.
        write: a Keras model to a path.
        ask: what the file answers for rows (n, d) float32, by the format's own runtime.
        needs: packages besides tfloss' own, and the extra that brings them.
        text: whether it can look text up.
        describe: puts texts by name into a file that was written; None: there is no such place.
    """

    suffix: str
    write: Callable[[Any, Path], None]
    ask: Callable[[Path, np.ndarray], np.ndarray]
    needs: tuple[str, ...] = ()
    extra: str = ""
    text: bool = False
    describe: Callable[[Path, Mapping[str, str]], None] | None = None


FORMATS = {
    "keras": Format(".keras", _write_keras, _ask_keras, text=True),
    "savedmodel": Format("", _write_savedmodel, _ask_savedmodel, text=True),
    "onnx": Format(
        ".onnx",
        _write_onnx,
        _ask_onnx,
        ("tf2onnx", "onnx", "onnxruntime"),
        "onnx",
        describe=_describe_onnx,
    ),
    "litert": Format(".tflite", _write_litert, _ask_litert, describe=_describe_litert),
}


def describe(format: str, path: Path, words: Mapping[str, Sequence[str]]) -> None:
    """Put names into the file, as JSON: metadata of ONNX, files that are packed into LiteRT's.

    Args:
        format: of the file.
        path: where it lies.
        words: 'features' and 'classes', in their order.
    """
    into = FORMATS[format].describe
    if into is not None and words:
        into(path, {name: json.dumps(list(values)) for name, values in words.items()})


def format_of(path: Path, format: str | None) -> str:
    """The format that was said, or that the path's ending says.

    Raises:
        UsageError: there is no such format, or the ending is another format's.
    """
    endings = {one.suffix: name for name, one in FORMATS.items()}
    name = endings.get(path.suffix.lower()) if format is None else format
    if name not in FORMATS:
        said = f"'{path}'" if format is None else f"the format '{format}'"
        raise UsageError(
            f"A student cannot be exported as {said}; formats are {listed(FORMATS)}."
            f"{did_you_mean(format or '', FORMATS)}"
        )
    suffix = FORMATS[name].suffix
    if suffix and path.suffix.lower() != suffix:
        raise UsageError(f"A file of the format '{name}' ends in '{suffix}'; '{path}' does not.")
    return name


def refuse_missing(format: str) -> None:
    """Raise UsageError where packages that a format needs are not installed; imports nothing."""
    missing = [name for name in FORMATS[format].needs if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"Exporting as {format} needs {listed(missing)}; install it with: "
            f"pip install 'tfloss[{FORMATS[format].extra}]'."
        )
