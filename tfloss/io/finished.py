"""What a folder keeps only until its work is finished, where a kill came between the two."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from tfloss.io.atomic import remove_leftovers
from tfloss.io.lock import LOCK

MANIFEST = "manifest.json"  # comes last, so that what it stands next to is finished
CHECKPOINTS = "checkpoints"  # of a training
REPLICATES, TEACHERS = "replicates", "teachers"  # of a comparison
PARTS = (CHECKPOINTS, REPLICATES, TEACHERS)

# All that tfloss ever writes there; a folder with anything else in it is somebody else's.
_OURS = re.compile(
    r"\.lock|\.lock-holder|\.writing-.*|start\.npz|(step|epoch)-\d+\.npz|fingerprint\.json"
    r"|formula\d+-seeds\d+to\d+\.npz|unfinished-.*\.npz|teacher-\w+\.npz|worker\d+of\d+"
)


def sweep_finished(parent: Path) -> None:
    """Remove what finished runs, comparisons and searches in `parent` need no longer.

    Nothing of a living process, which holds a lock, and no file that tfloss does not write.
    """
    with suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            sweep_if_finished(Path(entry.path))


def sweep_if_finished(folder: Path) -> None:
    """The same of one folder; one without a manifest stays as it is."""
    parts = [folder / name for name in PARTS if (folder / name).is_dir()]
    if not parts or not (folder / MANIFEST).is_file():
        return
    with suppress(OSError, Timeout), _held([folder, *parts]):
        remove_leftovers(folder)
        for part in parts:
            inside = [*part.rglob("*")]
            if part.is_symlink() or not all(_OURS.fullmatch(path.name) for path in inside):
                continue
            for path in sorted(inside, reverse=True):  # what is in a folder before the folder
                path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
            part.rmdir()


@contextmanager
def _held(places: list[Path]) -> Iterator[None]:
    """The locks of all who could be at work there; Timeout where somebody is."""
    with ExitStack() as stack:
        for place in places:
            if (place / LOCK).exists():
                stack.enter_context(FileLock(place / LOCK, timeout=0))
        yield
