"""Archives from elsewhere are checked before anything unpacks them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from tfloss.errors import UsageError

# An archive may unpack to so many bytes, or to so many times its own size, whichever is more.
MOST_BYTES = 1 << 30
MOST_TIMES = 100

_CONFIG = "config.json"
_LARGEST_CONFIG = 1 << 26
_OF_KERAS = ("metadata.json", _CONFIG, "model.weights.h5")

# Layers of Keras that hold code, or fetch it from elsewhere.
_CODE = ("Lambda", "TFSMLayer", "TorchModuleWrapper", "FlaxLayer", "JaxLayer", "__lambda__")
_PLAIN = ("keras", "builtins")


def check_archive(path: Path) -> None:
    """Refuse an archive that unpacks to too much, or whose members' names lead out of a folder.

    A file that is not a ZIP archive passes.

    Raises:
        UsageError: with what is wrong.
    """
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    total, packed = sum(member.file_size for member in members), path.stat().st_size
    if total > max(MOST_BYTES, MOST_TIMES * packed):
        raise UsageError(
            f"'{path}' would unpack from {packed:,} to {total:,} bytes, which no honest file does; "
            f"get it from a source that you trust."
        )
    for member in members:
        name = PurePosixPath(member.filename.replace("\\", "/"))
        if name.is_absolute() or ".." in name.parts or ":" in member.filename[:2]:
            raise UsageError(
                f"'{path}' has a member '{member.filename}' whose name leads out of the archive; "
                f"get it from a source that you trust."
            )


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
    except (OSError, KeyError, ValueError, RecursionError, zipfile.BadZipFile) as error:
        raise UsageError(
            f"'{path}' is not a complete .keras file ({type(error).__name__}); save the model "
            f"again with model.save('{path.stem}.keras')."
        ) from error
    for name in names:
        if name not in _OF_KERAS and not name.startswith("assets/"):
            raise UsageError(f"'{path}' has a member '{name}', which a .keras file does not have.")
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
                yield tuple(  # type: ignore[misc]
                    str(value.get(key) or "") for key in ("module", "class_name", "registered_name")
                )
            waiting += [v for k, v in value.items() if k != "compile_config"]  # is not loaded
        elif isinstance(value, list):
            waiting += value


def _known(module: str, name: str, registered_name: str, registered: frozenset[str]) -> bool:
    package = module.partition(".")[0]
    if {registered_name, name} & registered:
        return True
    return (not module and name.startswith("__")) or package in _PLAIN or not module
