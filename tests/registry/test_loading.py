"""A broken plugin is told in one line, and stops nothing that does not need it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.registry.distributions import GOOD, install, tfloss

BROKEN = {
    "raises": ("raise RuntimeError('out of order')", "RuntimeError: out of order"),
    "exits": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "misspells": ("def oops(:", "SyntaxError"),
    "lacks": ("import no_such_module_anywhere", "ModuleNotFoundError"),
    "wrong-hook": (
        "import tfloss\n@tfloss.hookimpl\ndef tfloss_loses(): return []",
        "tfloss_loses",
    ),
    "wrong-signature": (
        "import tfloss\n@tfloss.hookimpl\ndef tfloss_losses(registry): return []",
        "registry",
    ),
    "raw-function": (
        "import tfloss\ndef f(labels): pass\n@tfloss.hookimpl\ndef tfloss_losses(): return [f]",
        "declare it first",
    ),
    "no-hook": ("x = 1", "implements no hook"),
    "no-hook-but-a-loss": (
        "import tfloss\n@tfloss.loss\ndef f(labels): pass",
        "implements no hook; mark the function with @tfloss.hookimpl; it declares f",
    ),
    "empty-hook": (
        "import tfloss\n@tfloss.hookimpl\ndef tfloss_losses(): return []",
        "tfloss_losses() lists nothing; return a list of declarations",
    ),
    "hook-without-return": (
        "import tfloss\n@tfloss.loss\ndef f(labels): pass\n"
        "@tfloss.hookimpl\ndef tfloss_losses(): [f]",
        "tfloss_losses() lists nothing; return a list of declarations; it declares f",
    ),
    "any-setting": (
        "import tfloss\n@tfloss.loss\ndef f(labels, **more): pass",
        "takes **more",
    ),
    "positional-default": (
        "import tfloss\n@tfloss.loss\ndef f(labels, gamma=2.0): pass",
        "put '*,' before it",
    ),
    "bad-name": (
        "import tfloss\n@tfloss.loss(name='a-b')\ndef f(labels): pass",
        "cannot be a name",
    ),
    "bad-attribute": (
        "import tfloss\n@tfloss.loss(colour='red')\ndef f(labels): pass",
        "colour",
    ),
    "clashes": (GOOD.format(name="bce"), "is already the loss of"),
}


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """Every broken plugin at once, and a good one."""
    folder = tmp_path_factory.mktemp("crowd")
    for name, (code, _) in BROKEN.items():
        install(folder, name, code)
    install(folder, "good-one", GOOD.format(name="goodone"))
    return folder


@pytest.fixture(scope="module")
def listing(crowd):
    return tfloss(crowd, "losses")


@pytest.mark.parametrize(("name", "words"), [(n, w) for n, (_, w) in BROKEN.items()])
def test_each_fault_is_one_line_that_names_the_distribution(listing, name, words):
    lines = [line for line in listing.stderr.splitlines() if f"plugin '{name}' of" in line]
    assert len(lines) == 1
    assert f"{name} 1.2" in lines[0]
    assert words in lines[0]


def test_the_others_go_on(listing):
    assert listing.returncode == 0
    assert "goodone" in listing.stdout
    assert " bce " in listing.stdout
    assert "Traceback" not in listing.stderr


def test_a_formula_is_checked_with_what_works(crowd):
    answer = tfloss(crowd, "explain", "goodone + nonsense")
    assert answer.returncode == 2
    assert "nonsense" in answer.stderr.splitlines()[-3]


def test_plugins_shows_what_is_wrong(crowd):
    answer = tfloss(crowd, "plugins")
    assert answer.returncode == 0
    assert answer.stdout.count("PROBLEM") == len(BROKEN)
    assert "good-one 1.2" in answer.stdout


def test_help_loads_no_plugin(crowd):
    answer = tfloss(crowd, "--help")
    assert answer.returncode == 0
    assert answer.stderr == ""


def test_strict_stops_at_the_first_problem(crowd):
    for answer in (
        tfloss(crowd, "--strict", "losses"),
        tfloss(crowd, "losses", TFLOSS_STRICT="1"),
    ):
        assert answer.returncode == 5
        assert answer.stderr.count("\n") == 1
        assert "Traceback" not in answer.stderr


def test_switching_off_by_option_and_by_environment(crowd):
    off = [argument for name in BROKEN for argument in ("--no-plugin", name)]
    for answer in (
        tfloss(crowd, *off, "losses"),
        tfloss(crowd, "losses", TFLOSS_NO_PLUGIN=",".join(BROKEN)),
    ):
        assert answer.returncode == 0
        assert answer.stderr == ""
        assert "goodone" in answer.stdout


def test_an_unknown_plugin_cannot_be_switched_off(crowd):
    answer = tfloss(crowd, "--no-plugin", "good-onee", "losses")
    assert answer.returncode == 2
    assert "Did you mean 'good-one'" in answer.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["losses"],
        ["losses", "bce"],
        ["functions"],
        ["plugins"],
        ["recipes", "article"],
        ["train", "--loss", "bce + 0.1*abs_kll"],
        ["train", "--loss", "bce", "--optimizer", "sdg"],
        ["train", "--loss", "bce", "--model", "mpl:10"],
        ["train", "--loss", "bce", "--data", "brest_cancer"],
        ["train", "--loss", "kl", "--teacher", "gcp"],
    ],
)
def test_names_are_known_without_tensorflow_and_scikit_learn(arguments):
    assert not {"tensorflow", "keras", "sklearn", "pyarrow"} & loaded(*arguments)


def loaded(*arguments: str) -> set[str]:
    """The top-level modules of a process that has run a command."""
    code = (
        "import sys, contextlib\n"
        "from tfloss.cli.main import main\n"
        "with contextlib.suppress(SystemExit): main(sys.argv[1:])\n"
        "print('MODULES', *{name.partition('.')[0] for name in sys.modules})"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return set(answer.stdout.rpartition("MODULES")[2].split())


def test_every_module_with_a_hook_is_an_entry_point():
    root = Path(__file__).parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    named = set(project["project"]["entry-points"]["tfloss"].values())
    modules = {
        ".".join(path.relative_to(root / "plugins").with_suffix("").parts).removesuffix(".__init__")
        for path in (root / "plugins").rglob("*.py")
        if "@tfloss.hookimpl" in path.read_text(encoding="utf-8")
    }
    assert modules == named
