"""Generated files: written only where they differ, so that Sphinx reads again what changed."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType


class Folder:
    """A folder in which everything is generated; what is not written again goes.

    Example:
        with Folder(docs / "losses") as folder:
            folder.write("focal.md", text)
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names: set[str] = set()

    def write(self, name: str, text: str) -> None:
        """One file, by its name in the folder."""
        self.names.add(name)
        path = self.path / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def __enter__(self) -> Folder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None and self.path.exists():
            for path in self.path.rglob("*"):
                if path.is_file() and path.relative_to(self.path).as_posix() not in self.names:
                    path.unlink()
