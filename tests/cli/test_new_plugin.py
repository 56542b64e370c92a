"""`tfloss new-plugin`: what it writes works, installs, trains and goes away again."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
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
        # As a user has it: the tests' own level of TensorFlow's log is not handed on.
        environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
        done = subprocess.run(
            [str(self.scripts / "python"), *arguments],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
        return done

    def run(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        program = "from tfloss.cli.main import main; main()"
        return self.python("-c", program, *arguments, cwd=cwd)

    def tfloss(self, *arguments: str, cwd: Path) -> str:
        return self.run(*arguments, cwd=cwd).stdout


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    pytest.importorskip("hatchling")
    pytest.importorskip("pip")
    return FreshEnvironment(tmp_path_factory.mktemp("fresh") / "environment")


PIP = ("-m", "pip", "--disable-pip-version-check")
INSTALL = (*PIP, "install", "--no-deps", "--no-build-isolation")
ROOT = Path(__file__).parents[2]


def formula_of_the_run(folder):
    (result,) = folder.glob("runs/*/result.json")
    return json.loads(result.read_text())["formula"]


def test_the_tutorial_by_its_own_words(there, tmp_path):
    """docs/plugins.md, steps 1 to 5: its module, its tests, its commands."""
    text = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    module, _, _, tests, *_ = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    there.tfloss("new-plugin", "tilted", cwd=tmp_path)
    folder = tmp_path / "tfloss-tilted"
    (folder / "tfloss_tilted.py").write_text(module)
    above = "import numpy as np\nfrom tfloss import tf\nfrom tfloss_tilted import tilted\n"
    (folder / "test_tfloss_tilted.py").write_text(above + tests)
    there.python(*INSTALL, "--editable", str(folder), cwd=tmp_path)

    there.python("-m", "pytest", "-q", cwd=folder)
    checked = there.run("check", "tilted", cwd=tmp_path)
    assert " 0 failed" in checked.stdout
    assert "checking tilted (1 of 1)" in checked.stderr.splitlines()
    (command,) = re.findall(r"^\$ tfloss (train --data .*tilted.*)$", text, re.MULTILINE)
    there.tfloss(*shlex.split(command), "--epochs=2", cwd=tmp_path)
    assert formula_of_the_run(tmp_path) == "tilted(tilt=0.8)"

    there.python(*PIP, "uninstall", "--yes", "tfloss-tilted", cwd=tmp_path)
    assert "tilted" not in there.tfloss("losses", cwd=tmp_path)


USED = {
    "loss": ("--loss", "bce + 0.5*my_own(temperature=2)"),
    "teacher": ("--loss", "bce + 0.5*abs_kl", "--teacher", "my_own:C=10"),
    "dataset": ("--loss", "bce", "--data", "my_own"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_plugin_from_writing_to_removal(kind, there, tmp_path, full_size):
    """Written, installed with pip, tested, trained with, and removed."""
    if kind != "loss" and not full_size:
        pytest.skip("the other kinds: TFLOSS_TEST_SIZE=full")
    folder = write_plugin("my-own", kind, tmp_path)
    there.python(*INSTALL, str(folder), cwd=tmp_path)

    assert "my_own" in there.tfloss("--strict", KINDS[kind], cwd=tmp_path)
    assert "failed" not in there.python("-m", "pytest", "-q", cwd=folder).stdout
    there.tfloss("train", *USED[kind], "--epochs=2", "--train-size=40", cwd=tmp_path)
    assert formula_of_the_run(tmp_path) == USED[kind][1]

    there.python(*PIP, "uninstall", "--yes", "tfloss-my-own", cwd=tmp_path)
    assert "my_own" not in there.tfloss(KINDS[kind], cwd=tmp_path)
