"""Archives from elsewhere are checked before anything unpacks them."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from tfloss.errors import UsageError
from tfloss.io.unpacking import refuse_false_header, refuse_too_much, size_of_datasets

_DRIVE = re.compile(r"[A-Za-z]:")  # of Windows
_CONFIG = "config.json"
_LARGEST_CONFIG = 1 << 26
_WEIGHTS = "model.weights.h5"
_OF_KERAS = ("metadata.json", _CONFIG, _WEIGHTS)

# Layers of Keras that hold code, or fetch it from elsewhere.
_CODE = ("Lambda", "TFSMLayer", "TorchModuleWrapper", "FlaxLayer", "JaxLayer", "__lambda__")
# Where a model's description may point within Keras: what computes, and nothing that reads, writes,
# fetches or configures.
_COMPUTES = (
    "layers", "models", "activations", "initializers", "regularizers", "constraints", "losses",
    "metrics", "optimizers", "dtype_policies", "quantizers", "random", "ops", "src",
)  # fmt: skip


def check_archive(path: Path) -> None:
    """Refuse an archive that unpacks to too much, or whose members' names lead out of a folder.

    What its arrays say that they hold is looked at too, and archives of arrays inside of it. A file
    that is not a ZIP archive passes.

    Raises:
        UsageError: with what is wrong.
    """
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        _check_members(archive, path, path.stat().st_size)


def _check_members(archive: zipfile.ZipFile, path: Path, packed: int, inner: bool = False) -> None:
    """The members of an archive at `path`, or of one inside of it."""
    members = archive.infolist()
    refuse_too_much(path, sum(member.file_size for member in members), packed)
    for member in members:
        name = PurePosixPath(member.filename.replace("\\", "/"))
        if name.is_absolute() or ".." in name.parts or _DRIVE.match(member.filename):
            raise UsageError(
                f"'{path}' has a member '{member.filename}' whose name leads out of the archive; "
                f"get it from a source that you trust."
            )
        if name.suffix == ".npy":
            refuse_false_header(path, archive, member)
        elif name.suffix == ".npz" and not inner:
            arrays = _opened(archive, member)
            if arrays is not None:
                _check_members(arrays, path, member.file_size, inner=True)


def _opened(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> zipfile.ZipFile | None:
    """An archive inside of another; None where it is damaged: whoever reads it says so."""
    try:
        return zipfile.ZipFile(io.BytesIO(archive.read(member)))
    except Exception:  # zipfile and zlib each fail in ways of their own
        return None


def check_keras_file(path: Path, registered: frozenset[str] = frozenset()) -> None:
    """Refuse a `.keras` file that holds more than layers of Keras and their numbers.

    Args:
        path: the file.
        registered: names of classes and functions that the program has registered with Keras.

    Raises:
        UsageError: it is no `.keras` file, or names code; with the safe way.
    """
    check_archive(path)
    try:
        with zipfile.ZipFile(path) as archive:
            names = [member.filename for member in archive.infolist()]
            if archive.getinfo(_CONFIG).file_size > _LARGEST_CONFIG:
                raise UsageError(f"'{path}' describes its model in more than 64 MiB.")
            config = json.loads(archive.read(_CONFIG))
            if _WEIGHTS in names:
                weights = archive.getinfo(_WEIGHTS)
                refuse_too_much(path, size_of_datasets(archive, weights), weights.file_size)
    except (OSError, KeyError, ValueError, RecursionError, zipfile.BadZipFile) as error:
        raise UsageError(
            f"'{path}' is not a complete .keras file ({type(error).__name__}); save the model "
            f"again with model.save('{path.stem}.keras')."
        ) from error
    for name in names:
        if name not in _OF_KERAS and not name.startswith("assets/"):
            raise UsageError(f"'{path}' has a member '{name}', which a .keras file does not have.")
    if isinstance(config, dict):  # what the model itself was compiled with is not loaded
        config.pop("compile_config", None)
    for module, name, registered_name in _classes(config):
        if name in _CODE or not _known(module, name, registered_name, registered):
            what = f"{module}.{name}" if module else name
            raise UsageError(
                f"'{path}' names '{what}', which is code that the file brings along or would "
                f"import. If you trust it, write a function that makes the model, and name it as "
                f"package.module:factory."
            )


def _classes(config: Any) -> Iterator[tuple[str, str, str]]:
    """Every class that a configuration names: module, class, registered name."""
    waiting = [config]
    while waiting:  # not by recursion: a file may be nested as deep as it likes
        value = waiting.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                module, name, registered = (
                    str(value.get(key) or "") for key in ("module", "class_name", "registered_name")
                )
                inner = value.get("config")
                if name == "function" and isinstance(inner, str):
                    name = inner
                yield module, name, registered
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _known(module: str, name: str, registered_name: str, registered: frozenset[str]) -> bool:
    if registered_name in registered or (name in registered and registered_name in ("", name)):
        return True
    if not module or module == "builtins":  # found among Keras' own by its name, or nowhere
        return True
    package, _, rest = module.partition(".")
    place = rest.partition(".")[0]
    return package == "keras" and (not rest or place in _COMPUTES) and name.isidentifier()
