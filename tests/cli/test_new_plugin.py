"""`tfloss new-plugin`: what it writes works, installs, trains and goes away again."""

from __future__ import annotations

import importlib.util
import json
import os
import site
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest
from click.testing import CliRunner

from tfloss.cli.main import cli
from tfloss.cli.new_plugin import write_plugin
from tfloss.errors import UsageError
from tfloss.registry import Registry

KINDS = {"loss": "losses", "teacher": "teachers", "dataset": "datasets"}
FILES = {
    "pyproject.toml",
    ".gitignore",
    ".github/workflows/tests.yml",
    "README.md",
    "tfloss_my_own.py",
    "test_tfloss_my_own.py",
}


def load(folder: Path, module: str):
    spec = importlib.util.spec_from_file_location(module, folder / f"{module}.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.mark.parametrize("kind", KINDS)
def test_it_writes_a_plugin_that_registers(kind, tmp_path):
    folder = write_plugin("my-own", kind, tmp_path)
    written = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert written == FILES
    registry = Registry(strict=True)
    registry.add_module(load(folder, "tfloss_my_own"))
    assert list(getattr(registry, KINDS[kind])) == ["my_own"]
    for path in written:
        text = (folder / path).read_text(encoding="utf-8")
        assert "$name" not in text
        assert "$module" not in text
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == "tfloss-my-own"
    assert project["entry-points"]["tfloss"] == {"my_own": "tfloss_my_own"}


@pytest.mark.parametrize("kind", ["teacher", "dataset"])
def test_the_tests_that_it_writes_pass(kind, tmp_path):
    folder = write_plugin("my-own", kind, tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_the_code_that_it_writes_is_formatted(kind, tmp_path):
    pytest.importorskip("ruff")
    folder = write_plugin("my-own", kind, tmp_path)
    for command in (["check"], ["format", "--check"]):
        command += ["--isolated", "--line-length=100", "."]
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command], cwd=folder, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["tfloss-my-own", "My_Own", "my_own"])
def test_one_name_in_several_spellings(name, tmp_path):
    assert write_plugin(name, "loss", tmp_path).name == "tfloss-my-own"


@pytest.mark.parametrize("name", ["9lives", "a b", "class", "", "x/y"])
def test_what_cannot_be_a_name(name, tmp_path):
    with pytest.raises(UsageError, match="cannot be a plugin's name"):
        write_plugin(name, "loss", tmp_path)


def test_nothing_is_overwritten(tmp_path):
    write_plugin("my-own", "loss", tmp_path)
    with pytest.raises(UsageError, match="is there already"):
        write_plugin("my-own", "teacher", tmp_path)


def test_a_name_that_is_taken_is_refused(tmp_path):
    result = CliRunner().invoke(cli, ["new-plugin", "bce", "--into", str(tmp_path)])
    assert isinstance(result.exception, UsageError)
    assert "There is a loss called 'bce' already" in str(result.exception)


class FreshEnvironment:
    """A virtual environment of its own, on top of the one that runs the tests.

    The packages of the latter are visible, so that nothing is downloaded; what is installed and
    removed is the new environment's alone.
    """

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False)
        self.scripts = folder / ("Scripts" if os.name == "nt" else "bin")
        own = next(folder.rglob("site-packages"))
        below = [path for path in site.getsitepackages() if Path(path).is_dir()]
        lines = [f"import site; site.addsitedir({path!r})" for path in below]
        (own / "below.pth").write_text("\n".join(lines))

    def python(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(self.scripts / "python"), *arguments], cwd=cwd, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
        return done

    def tfloss(self, *arguments: str, cwd: Path) -> str:
        program = "from tfloss.cli.main import main; main()"
        return self.python("-c", program, *arguments, cwd=cwd).stdout


def test_a_loss_plugin_from_writing_to_removal(tmp_path):
    """Written, installed with pip, tested, checked, trained with, and removed."""
    pytest.importorskip("hatchling")
    pytest.importorskip("pip")
    folder = write_plugin("my-own", "loss", tmp_path)
    there = FreshEnvironment(tmp_path / "environment")
    pip = ("-m", "pip", "--disable-pip-version-check")
    there.python(*pip, "install", "--no-deps", "--no-build-isolation", str(folder), cwd=tmp_path)

    assert "my_own" in there.tfloss("--strict", "losses", cwd=tmp_path)
    assert "failed" not in there.python("-m", "pytest", "-q", cwd=folder).stdout
    options = ("--epochs", "2", "--loss", "bce + 0.5*my_own(temperature=2)", "--seed", "1")
    there.tfloss("train", *options, cwd=tmp_path)
    (result,) = tmp_path.glob("runs/*/result.json")
    assert json.loads(result.read_text())["formula"] == "bce + 0.5*my_own(temperature=2)"

    there.python(*pip, "uninstall", "--yes", "tfloss-my-own", cwd=tmp_path)
    assert "my_own" not in there.tfloss("losses", cwd=tmp_path)
