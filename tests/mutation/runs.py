"""pytest in a forked process: to see which lines each test runs, and on changed code."""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import pickle
import resource
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.mutation.mutants import Mutant

Line = tuple[str, int]  # a file's path and a line's number


@dataclass
class Seen:
    """What the tests do on the code as it is.

    Attributes:
        seconds: of each test that passes, in the order in which they ran.
        lines: those that each test runs, with its own and its module's fixtures.
        common: those that importing runs, and fixtures that all tests share.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    lines: dict[str, set[Line]] = field(default_factory=lambda: defaultdict(set))
    common: set[Line] = field(default_factory=set)

    def tests_of(self, mutant: Mutant) -> list[str]:
        """The tests that run the changed line: those of the file's own test first, then by time."""
        path = str(mutant.path.resolve())
        changed = {(path, line) for line in mutant.lines}
        if changed & self.common:
            names = list(self.seconds)
        else:
            names = [name for name in self.seconds if changed & self.lines[name]]
        spent: dict[str, float] = defaultdict(float)
        for name in names:
            spent[_file(name)] += self.seconds[name]
        own = f"test_{mutant.path.stem}.py"
        return sorted(
            names,
            key=lambda name: (
                not _file(name).endswith(f"/{own}"),
                spent[_file(name)],
                _file(name),
                self.seconds[name],
            ),
        )


def _file(name: str) -> str:
    return name.partition("::")[0]


class Recorder:
    """A plugin of pytest that sees which lines of some files a test runs, and how long it takes."""

    def __init__(self, paths: list[Path]) -> None:
        self.seen = Seen()
        self._under = tuple(str(path.resolve()) for path in paths)
        self._fixtures: dict[str, set[Line]] = defaultdict(set)  # by the path of their test file
        self._into = self.seen.common
        self.start()

    def start(self) -> None:
        threading.settrace(self._called)
        sys.settrace(self._called)

    def _called(self, frame: Any, event: str, _: Any) -> Any:
        return self._line if frame.f_code.co_filename.startswith(self._under) else None

    def _line(self, frame: Any, event: str, _: Any) -> Any:
        self._into.add((frame.f_code.co_filename, frame.f_lineno))
        return self._line

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: Any) -> Iterator[None]:
        self._into = self.seen.lines[item.nodeid]
        self.start()
        try:
            return (yield)
        finally:
            self._into = self.seen.common

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Iterator[None]:
        """Lines of fixtures that tests share belong to all of them."""
        before = self._into
        if fixturedef.scope in ("session", "package"):
            self._into = self.seen.common
        elif fixturedef.scope in ("module", "class"):
            self._into = self._fixtures[_file(request.node.nodeid)]
        try:
            return (yield)
        finally:
            self._into = before

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.passed:
            seconds = self.seen.seconds
            seconds[report.nodeid] = seconds.get(report.nodeid, 0.0) + report.duration

    def result(self) -> Seen:
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]
        for name in self.seen.seconds:
            self.seen.lines[name] |= self._fixtures[_file(name)]
        return self.seen


class Only:
    """A plugin of pytest that runs some tests, in a given order."""

    def __init__(self, names: list[str]) -> None:
        self._place = {name: place for place, name in enumerate(names)}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self._place),
            key=lambda item: self._place[item.nodeid],
        )


class Changed(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Imports one module from changed code."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != self._mutant.module:
            return None
        file = self._mutant.path.resolve()
        inside = [str(file.parent)] if file.name == "__init__.py" else None
        return importlib.util.spec_from_file_location(
            name, str(file), loader=self, submodule_search_locations=inside
        )

    def get_source(self, name: str) -> str:
        return self._mutant.code

    def is_package(self, name: str) -> bool:
        return self._mutant.path.name == "__init__.py"


def look(paths: list[Path], tests: list[str], keep: Path) -> Seen | None:
    """Run the tests on the code as it is; None where they do not pass."""

    def child() -> int:
        recorder = Recorder(paths)
        code = _pytest(tests, [recorder])
        keep.write_bytes(pickle.dumps(recorder.result()))
        return code

    if _forked(child, 1e9) != 0:
        return None
    return pickle.loads(keep.read_bytes())


def outcome(mutant: Mutant, names: list[str], limit: float) -> str:
    """'noticed', 'survived', or 'timeout' after so many seconds of processor time."""

    def child() -> int:
        resource.setrlimit(resource.RLIMIT_CPU, (int(limit), int(limit) + 5))
        sys.meta_path.insert(0, Changed(mutant))
        return _pytest(list(dict.fromkeys(map(_file, names))), [Only(names)])

    code = _forked(child, 10 * limit)  # it may wait for something, or for a busy machine
    if code in (None, -signal.SIGXCPU, -signal.SIGKILL):
        return "timeout"
    return "noticed" if code else "survived"


def _pytest(arguments: list[str], plugins: list[Any]) -> int:
    from hypothesis import settings

    settings.register_profile("mutants", database=None)  # nothing is learnt from wrong code
    settings.load_profile("mutants")
    return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *arguments], plugins=plugins))


def _forked(child: Callable[[], int], limit: float) -> int | None:
    """The exit code of what a forked process does; None where it takes too long."""
    process = os.fork()
    if process == 0:
        os.setsid()  # what it starts ends with it
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        code = 1
        try:
            code = child()
        finally:
            os._exit(min(code, 1))
    end = time.monotonic() + limit
    while time.monotonic() < end:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return None
