"""The folder that a run leaves: all that is needed to repeat it and to use its student."""

from __future__ import annotations

import hashlib
import json
import platform
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from tfloss.data import Classes, Encoder, PreparedData, Scaler, understood
from tfloss.data.scoring import reasons
from tfloss.display import renderer
from tfloss.errors import DataError, UsageError
from tfloss.io.archive_check import check_archive
from tfloss.io.atomic import new_folder, remove_leftovers, sha256, write_text, write_whole
from tfloss.io.finished import CHECKPOINTS, MANIFEST, sweep_finished, sweep_if_finished
from tfloss.io.strict_json import as_json
from tfloss.runs.kept_rows import KeptRows, file_digest, holdout_digest, read_rows, write_rows
from tfloss.student import Student, load_network, wrap_model
from tfloss.training.config import Config, read_config
from tfloss.training.result import Result

CONFIG, METRICS, STUDENT = "config.toml", "metrics.jsonl", "student.keras"
RESULT, SPLIT = "result.json", "split.npz"
HELD = "objective.npz"  # the variables that losses hold; only where there are any
ROWS = "rows.npz"  # what `tfloss.runs.kept_rows` keeps

SELF = "sha256_of_this"  # in the manifest: of all else in it

_VERSIONED = ("tfloss", "tensorflow", "keras", "scikit-learn", "numpy")


def begin_run(runs: Path, config: Config) -> Path:
    """Make a new folder for a run that begins, with its configuration.

    Returns:
        the folder, 'runs/breast_cancer-1' for the first on those data.

    Raises:
        UsageError: it cannot be made or written.
    """
    sweep_finished(runs)
    folder = new_folder(runs, Path(config.data).stem)
    try:
        write_text(folder / CONFIG, config.as_toml())
    except OSError as error:
        raise UsageError(f"The run's folder '{folder}' cannot be written: {error}.") from error
    return folder


def forget_run(folder: Path) -> None:
    """Remove a run that failed before its first checkpoint: there is nothing to go on with."""
    shutil.rmtree(folder, ignore_errors=True)


def unfinished_run(folder: Path) -> Config:
    """The configuration of a run that was begun and not finished.

    Raises:
        UsageError: there is no such run, or it is finished.
    """
    if (folder / MANIFEST).exists():
        sweep_if_finished(folder)
        raise UsageError(
            f"The run in '{folder}' is finished; `tfloss train --config "
            f"{shlex.quote(str(folder / CONFIG))}` trains "
            f"the same again, in a folder of its own."
        )
    if not (folder / CONFIG).exists():
        raise UsageError(f"'{folder}' is not the folder of a run that `tfloss train` began.")
    remove_leftovers(folder)
    return Config.from_mapping(read_config(folder / CONFIG), origin=str(folder / CONFIG))


def write_run(
    runs: Path,
    config: Config,
    result: Result,
    folder: Path | None = None,
    *,
    also: Mapping[str, str] | None = None,
) -> Path:
    """Make a new folder for a run and fill it; the manifest comes last and lists the rest.

    Args:
        runs: where the folder goes.
        config: what was trained.
        result: of the training.
        folder: from `begin_run`, where that was done before.
        also: texts of further files by name.

    Returns:
        the folder, 'runs/breast_cancer-1' for the first on those data.

    Raises:
        UsageError: the folder cannot be made or written.
    """
    if folder is None or not folder.is_dir():  # somebody has removed it meanwhile
        folder = begin_run(runs, config)
    try:
        lines = (as_json(epoch.as_dict()) for epoch in result.history)
        write_text(folder / METRICS, "".join(f"{line}\n" for line in lines))
        write_whole(folder / STUDENT, result.student.forward_model.save)
        held = result.objective.values()
        if held:
            write_whole(folder / HELD, lambda path: np.savez_compressed(path, **held))
        write_whole(folder / SPLIT, lambda path: _save_split(path, result.data))
        write_rows(folder / ROWS, result.data)
        write_text(folder / RESULT, _json(_summary(result)))
        for name, text in (also or {}).items():
            write_text(folder / name, text)
        write_text(folder / MANIFEST, _json(signed(_manifest(folder, config, result))))
    except OSError as error:
        raise UsageError(f"The run's folder '{folder}' cannot be written: {error}.") from error
    return folder


def _summary(result: Result) -> dict[str, Any]:
    return {
        "formula": result.objective.text,
        "terms": [n for n in result.history.names if n not in result.objective.logged],
        "logged": list(result.objective.logged),
        "understood": [list(line) for line in understood(result.data)],
        "last": result.history.as_summary(),
        "scores": result.scores,
        "failed_metrics": reasons(result.scores),
        "teachers": {name: teacher.text for name, teacher in result.teachers.items()},
        "teacher_scores": {name: teacher.scores for name, teacher in result.teachers.items()},
        "teacher_notes": [note for teacher in result.teachers.values() for note in teacher.notes],
        "seconds": {name: round(seconds, 3) for name, seconds in result.seconds.items()},
        "compiled_as": result.compiled_as,
        "compiled_because": result.compiled_because,
        "events": [*result.events, *result.remarks],
        "best_epoch": result.history.best_epoch,
        "validation": list(result.history.validation),
    }


def _manifest(folder: Path, config: Config, result: Result) -> dict[str, Any]:
    """Versions, what is needed to treat other rows the same way, and the digest of every file."""
    data = result.data
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return {
        "seed": config.seed,
        "versions": {"python": platform.python_version()} | _versions(),
        "data": {
            "name": data.name,
            "task": data.task,
            "link": result.student.link,
            "targets": list(data.target_names),
            "multilabel": data.multilabel,
            "features": list(data.source_names),
            "encoder": None if data.encoder is None else data.encoder.to_values(),
            "classes": None if data.classes is None else data.classes.values.tolist(),
            "class_names": None if data.classes is None else list(data.classes.names),
            "scaler": None if data.scaler is None else data.scaler.to_values(),
            "file_sha256": file_digest(config.data),
            "holdout_sha256": holdout_digest(data.holdout),
        },
        "sha256": {path.name: sha256(path) for path in files},
    }


def signed(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest with a digest of itself, by which damage to it is noticed."""
    plain = json.dumps(manifest, sort_keys=True).encode()
    return {**manifest, SELF: hashlib.sha256(plain).hexdigest()}


def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in _VERSIONED}


def _save_split(path: Path, data: PreparedData) -> None:
    np.savez_compressed(path, train=data.train.rows, holdout=data.holdout.rows)


def _json(value: Mapping[str, Any]) -> str:
    return as_json(value, indent=2) + "\n"


@dataclass(frozen=True)
class Run:
    """A finished run, read back.

    Attributes:
        folder: where it lies.
        config: what it was asked to do.
        manifest: versions, classes, features, scaler, digests.
        result: the figures at its end.
    """

    folder: Path
    config: Config
    manifest: dict[str, Any]
    result: dict[str, Any]

    @property
    def history(self) -> list[dict[str, Any]]:
        """Every epoch, as in `metrics.jsonl`."""
        lines = self.verified(METRICS).read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def plot(self) -> Any:
        """The total and each weighted term by step: a matplotlib Figure."""
        return renderer().history_figure(self)

    @property
    def task(self) -> str:
        return self.manifest["data"]["task"]

    @property
    def rows(self) -> dict[str, np.ndarray]:
        """The row numbers of 'train' and 'holdout'."""
        path = self.verified(SPLIT)
        with np.load(path, allow_pickle=False) as split:
            return {name: split[name] for name in ("train", "holdout")}

    def kept_rows(self) -> KeptRows:
        """The held-out rows, rows to compare an exported student on, and hashes of the others."""
        return read_rows(self.verified(ROWS))

    def student(self) -> Student:
        """The trained student; its file is refused when its digest is another than recorded."""
        student = wrap_model(load_network(self.verified(STUDENT)))
        student.link = self.manifest["data"]["link"]
        return student

    def held(self) -> dict[str, np.ndarray]:
        """The values of what losses held, by path; `Objective.load` takes them."""
        if HELD not in self.manifest["sha256"]:
            return {}
        with np.load(self.verified(HELD), allow_pickle=False) as values:
            return dict(values)

    def preprocessing(self) -> PreparedData:
        """Data without rows that treat other rows as this run's were treated: `arrange` does it."""
        data = self.manifest["data"]
        encoder = None if data["encoder"] is None else Encoder.from_values(data["encoder"])
        names = tuple(data["features"]) if encoder is None else encoder.encoded_names
        empty = _empty_part(len(names), max(1, len(data["targets"])))
        classes = (
            Classes(np.array(data["classes"]), tuple(data["class_names"]))
            if data["classes"] is not None
            else None
        )
        scaler = Scaler.from_values(data["scaler"]) if data["scaler"] is not None else None
        return PreparedData(
            empty,
            empty,
            data["task"],
            classes,
            names,
            scaler,
            data["name"],
            encoder=encoder,
            embeddings=() if encoder is None else encoder.embeddings,
            target_names=tuple(data["targets"]),
            multilabel=data["multilabel"],
        )

    def verified(self, name: str) -> Path:
        """The path of a file that is still what the run wrote."""
        path = self.folder / name
        if not path.is_file() or sha256(path) != self.manifest["sha256"].get(name):
            raise DataError(
                f"'{path}' is missing or is not the file that the run wrote (its SHA-256 differs "
                f"from the manifest's); restore it from a copy."
            )
        check_archive(path)
        return path


def _empty_part(features: int, targets: int) -> Any:
    from tfloss.data import Columns

    columns = {
        "inputs": np.zeros((0, features), np.float32),
        "labels": np.zeros((0, targets), np.float32),
    }
    return Columns(columns)


def read_run(folder: str | Path) -> Run:
    """Read the folder that a finished run left.

    Args:
        folder: 'runs/breast_cancer-1'.

    Returns:
        the run: its `config`, `history`, `result`, `plot()` and `student()`.

    Raises:
        UsageError: not the folder of a finished run.
        DataError: a file in it is not what the run wrote.

    Example:
        >>> tfloss.read_run("runs/breast_cancer-1").result["scores"]
    """
    folder = Path(folder)
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        result = json.loads((folder / RESULT).read_text(encoding="utf-8"))
        values = read_config(folder / CONFIG)
    except (OSError, ValueError) as error:
        if (folder / CHECKPOINTS).is_dir() and not (folder / MANIFEST).exists():
            raise UsageError(
                f"The run in '{folder}' is not finished; go on with `tfloss train --resume "
                f"{shlex.quote(str(folder))}`."
            ) from error
        raise UsageError(
            f"'{folder}' is not the folder of a finished run: {error}. Runs lie in the folder that "
            f"`tfloss train` names at its end."
        ) from error
    if not isinstance(manifest, dict) or signed(_without_digest(manifest)) != manifest:
        raise DataError(
            f"'{folder / MANIFEST}' is not what the run wrote (its digest differs); restore it "
            f"from a copy."
        )
    config = Config.from_mapping(values, origin=str(folder / CONFIG))
    run = Run(folder, config, manifest, result)
    for name in (CONFIG, RESULT):
        run.verified(name)
    return run


def _without_digest(manifest: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in manifest.items() if name != SELF}
