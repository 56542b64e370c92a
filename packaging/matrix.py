#!/usr/bin/env python3
"""Try tfloss with the lowest and with the newest versions that its dependencies may have.

    packaging/matrix.py                                     each Python that is found, both ways
    packaging/matrix.py --python python3.13 --versions lowest
    packaging/matrix.py --versions newest --beyond "keras==4.0.0"   before an upper bound is raised

Wheel and sdist are built once. Each combination has a fresh environment: the lowest versions with
the wheel, the newest with the sdist. There it runs a few commands and a selection of the tests,
away from the sources. It prints a table, and exits with 1 where anything failed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("python3.11", "python3.12", "python3.13")
EXTRAS = "dev,mlflow"  # 'dev' holds all other extras
PASSED = "passed"

COMMANDS = (
    "tfloss --version",
    "tfloss --strict plugins",
    "tfloss train --loss bce+0.1*binary_kl --teacher lr --epochs 2 --quiet",
    "tfloss report runs/breast_cancer-1",
    "tfloss export runs/breast_cancer-1 --format keras",
    "tfloss compare bce bce+0.1*binary_kl --teacher lr --seeds 3 --epochs 2 --quiet",
)
# Every door, and what each dependency is there for.
TESTS = (
    "tests/test_same_weights.py",
    "tests/formula/test_parser.py",
    "tests/registry/test_registry.py",
    "tests/data/test_files.py",  # pyarrow, pandas
    "tests/teachers/test_prefitted.py",  # skops
    "tests/training/loop/test_early_stopping.py::test_a_resumed_training_stops_at_the_same_epoch",
    "tests/keras_integration/test_attach.py",
    "tests/exporting/test_export.py::test_it_runs_where_tfloss_cannot_be_imported",  # onnx
    "tests/exporting/test_export.py::test_the_command_exports_a_run",
    "tests/report/test_run_page.py",
    "tests/runs/test_tracking.py",  # tensorboard, mlflow
    "tests/comparison/test_search.py::test_what_cannot_be_searched_is_refused_in_a_sentence",
    "tests/comparison/test_search.py::test_every_trial_is_written_down_and_the_best_is_the_best",
)


def bounded(project: dict, extras: str) -> Iterator[tuple[str, str]]:
    """Name and lowest version of every requirement, of those of the extras too."""
    wanted = [*project["dependencies"]]
    for extra in extras.split(","):
        wanted += project["optional-dependencies"][extra]
    for requirement in wanted:
        inside = re.fullmatch(rf"{project['name']}\[(.+)\]", requirement)
        if inside:
            yield from bounded({**project, "dependencies": []}, inside[1])
            continue
        found = re.match(r"([\w.-]+)(?:\[.*\])?>=([\w.]+)", requirement)
        if not found:
            sys.exit(
                f"'{requirement}' in pyproject.toml has no lower bound; give it one that works."
            )
        yield found[1], found[2]


def pins(requirements: Iterable[tuple[str, str]]) -> str:
    """A constraints file that holds each requirement at its lowest version."""
    return "".join(f"{name}=={lowest}\n" for name, lowest in sorted(set(requirements)))


@dataclass
class Environment:
    """A fresh environment, and what was tried in it."""

    python: str
    versions: str
    folder: Path
    log: Path

    def run(self, command: list[str], at: Path) -> bool:
        """Whether a command succeeds; all that it prints goes to the log."""
        kept = ("HOME", "LANG", "PIP_", "SSL_", "http_proxy", "https_proxy", "OPENBLAS", "TMPDIR")
        own = {name: value for name, value in os.environ.items() if name.startswith(kept)}
        path = f"{self.folder / 'venv' / 'bin'}:{os.environ['PATH']}"
        own |= {"PATH": path, "TF_CPP_MIN_LOG_LEVEL": "2"}
        with self.log.open("a", encoding="utf-8") as log:
            print(f"$ {' '.join(command)}", file=log, flush=True)
            done = subprocess.run(command, cwd=at, env=own, stdout=log, stderr=log, check=False)
        return done.returncode == 0

    def install(self, package: Path, extras: str, beyond: list[str]) -> bool:
        """Whether the package can be installed with these versions."""
        self.folder.mkdir(parents=True)
        constraints = self.folder / "constraints.txt"
        lowest = self.versions == "lowest"
        constraints.write_text(pins(bounded(PROJECT, extras)) if lowest else "", encoding="utf-8")
        pip = ["pip", "install", "--quiet", "--disable-pip-version-check"]
        wanted = [*pip, "--constraint", str(constraints), f"{package}[{extras}]"]
        return (
            self.run([self.python, "-m", "venv", "venv"], self.folder)
            and self.run(wanted, self.folder)
            and (not beyond or self.run([*pip, *beyond], self.folder))
        )

    def held_back(self, extras: str) -> list[str]:
        """What is newer than a bound allows, of what pyproject.toml names."""
        own = {name for name, _ in bounded(PROJECT, extras)}
        listed = self.folder / "outdated.json"
        with listed.open("w", encoding="utf-8") as output:
            command = [
                self.folder / "venv" / "bin" / "pip",
                "list",
                "--outdated",
                "--format",
                "json",
            ]
            subprocess.run(command, stdout=output, stderr=subprocess.DEVNULL, check=False)
        found = json.loads(listed.read_text(encoding="utf-8") or "[]")
        return [f"{one['name']} {one['latest_version']}" for one in found if one["name"] in own]

    def failures(self, sdist: Path, tests: list[str]) -> list[str]:
        """The commands and tests that fail, away from the sources."""
        with tarfile.open(sdist) as archive:
            archive.extractall(self.folder / "sources", filter="data")
        [at] = (self.folder / "sources").iterdir()
        for sources in ("tfloss", "plugins"):  # what is installed is what is tried
            shutil.rmtree(at / sources)
        failed = [command for command in COMMANDS if not self.run(command.split(), at)]
        pytest = ["python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
        return failed if self.run(pytest, at) else [*failed, "tests"]


def build(into: Path) -> tuple[Path, Path]:
    """Wheel and sdist."""
    command = [sys.executable, "-m", "build", "--outdir", str(into), str(ROOT)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    [wheel], [sdist] = into.glob("*.whl"), into.glob("*.tar.gz")
    return wheel, sdist


def outcome(environment: Environment, wheel: Path, sdist: Path, options: argparse.Namespace) -> str:
    """One cell of the table."""
    package = wheel if environment.versions == "lowest" else sdist
    if not environment.install(package, options.extras, options.beyond):
        return "cannot be installed"
    failed = environment.failures(sdist, options.tests)
    said = f"failed: {', '.join(failed)}" if failed else PASSED
    held = environment.held_back(options.extras) if environment.versions == "newest" else []
    return f"{said}; there is also {', '.join(held)}" if held else said


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def main() -> None:
    """Try what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    found = [python for python in PYTHONS if shutil.which(python)]
    parser.add_argument("--python", nargs="+", default=found, help="interpreters")
    parser.add_argument("--versions", nargs="+", default=["lowest", "newest"])
    parser.add_argument("--extras", default=EXTRAS)
    parser.add_argument("--beyond", nargs="+", default=[], help="installed last, over any bound")
    parser.add_argument("--tests", nargs="*", default=list(TESTS))
    parser.add_argument("--keep", type=Path, help="a new folder for environments and logs")
    options = parser.parse_args()
    place = options.keep or Path(tempfile.mkdtemp(prefix="tfloss-matrix-"))
    wheel, sdist = build(place / "dist")
    good = True
    print("| Python | versions | outcome | seconds |\n| --- | --- | --- | --- |")
    for python in options.python:
        for versions in options.versions:
            name = f"{Path(python).name}-{versions}"
            environment = Environment(python, versions, place / name, place / f"{name}.log")
            started = time.monotonic()
            said = outcome(environment, wheel, sdist, options)
            good = good and said.startswith(PASSED)
            seconds = time.monotonic() - started
            print(f"| {python} | {versions} | {said} | {seconds:.0f} |", flush=True)
            if not options.keep:
                shutil.rmtree(place / name)
    print(f"What was printed is in {place}.")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
