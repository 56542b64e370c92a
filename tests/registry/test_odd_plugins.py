"""Plugins that are odd beyond raising: what has nothing to do with them goes on, with one line."""

from __future__ import annotations

import pytest

import tfloss as package
from tests.registry.distributions import GOOD, install, tfloss
from tfloss.errors import PluginError, UsageError, message_of
from tfloss.registry import Dataset, Loss, Registry, call_plugin
from tfloss.registry.loading import load_module

FIND = """
import tfloss
@tfloss.hookimpl
def tfloss_find(kind, name):
    {body}
"""
UNSPEAKABLE = """
class Unspeakable(Exception):
    def __str__(self):
        raise {inner}
raise Unspeakable
"""

# What the module of the plugin holds, and words of the line about it.
ODD = {
    "unspeakable": (UNSPEAKABLE.format(inner="ValueError"), "Unspeakable: its message cannot be"),
    "unspeakable-exit": (UNSPEAKABLE.format(inner="SystemExit"), "its message cannot be shown"),
    "own-interrupt": (
        "class Stop(KeyboardInterrupt): pass\nraise Stop('no further')",
        "Stop: no further",
    ),
    "base": ("class Base(BaseException): pass\nraise Base('odd')", "Base: odd"),
    "cancels": ("import asyncio\nraise asyncio.CancelledError", "CancelledError"),
    "generator-exit": ("raise GeneratorExit", "GeneratorExit"),
    "warns": ("import warnings\nwarnings.warn('old', DeprecationWarning)", "old"),
    "declares-nonsense": (
        "import tfloss\n@tfloss.hookimpl\ndef tfloss_losses(): return 7",
        "TypeError",
    ),
    "unprintable": (
        "import tfloss\nclass Odd:\n    def __repr__(self): raise ValueError('no repr')\n"
        "@tfloss.hookimpl\ndef tfloss_losses(): return [Odd()]",
        "no repr",
    ),
}


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """Every odd plugin at once, metadata that nobody can read, and a good one."""
    folder = tmp_path_factory.mktemp("odd")
    for name, (code, _) in ODD.items():
        install(folder, name, code)
    install(folder, "twice", GOOD.format(name="twice"))
    again = "[tfloss]\ntwice = twice\ntwice_more = twice\n"
    (folder / "twice-1.2.dist-info" / "entry_points.txt").write_text(again)
    for name in ("latin", "torn", "nameless"):
        install(folder, name, GOOD.format(name=name))
    (folder / "latin-1.2.dist-info" / "entry_points.txt").write_bytes(
        b"[tfloss]\nlatin = lat\xef\n"
    )
    (folder / "torn-1.2.dist-info" / "entry_points.txt").write_text("[tfloss]\nno equals sign\n")
    (folder / "nameless-1.2.dist-info" / "METADATA").write_bytes(b"Name: n\xefmeless\n")
    install(folder, "good-one", GOOD.format(name="goodone"))
    return folder


@pytest.fixture(scope="module")
def listing(crowd):
    return tfloss(crowd, "losses", PYTHONWARNINGS="error")


def line_about(answer, name):
    (line,) = [line for line in answer.stderr.splitlines() if f"plugin '{name}' of" in line]
    return line


@pytest.mark.parametrize(("name", "words"), [(name, words) for name, (_, words) in ODD.items()])
def test_one_line_and_the_others_go_on(listing, name, words):
    assert words in line_about(listing, name)


def test_all_that_works_is_there(listing):
    assert listing.returncode == 0, listing.stderr[-2000:]
    assert "Traceback" not in listing.stderr
    for name in ("goodone", "twice", "nameless", " bce "):
        assert name in listing.stdout


def test_one_module_by_two_entry_points_is_used_once(listing):
    assert "is the module of plugin 'twice' (twice 1.2) as well" in line_about(
        listing, "twice_more"
    )


def test_metadata_that_cannot_be_read_are_told_by_their_folder(listing):
    assert "UnicodeDecodeError" in line_about(listing, "latin-1.2.dist-info")
    assert "cannot be read" in line_about(listing, "torn-1.2.dist-info")


def test_the_doctor_finds_them_too(crowd):
    answer = tfloss(crowd, "plugins", "--doctor", "--limit", "20")
    assert answer.returncode == 5
    assert "Traceback" not in answer.stderr
    assert "latin-1.2.dist-info: its entry points cannot be read" in answer.stdout
    assert "unspeakable: Unspeakable: its message cannot be shown" in answer.stdout


# -- tfloss_find, in this process --------------------------------------------------------------


def module_of(tmp_path, monkeypatch, name, code):
    import importlib

    (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module(name)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise RuntimeError('out of order')", "RuntimeError: out of order"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("return 'junk'", "it returned a str"),
        ("return tfloss.loss(lambda labels: 0, name='x')", "it returned a Loss"),
    ],
)
@pytest.mark.parametrize("strict", [False, True])
def test_a_find_that_fails_or_returns_junk(body, words, strict, tmp_path, monkeypatch, registry):
    # A name of its own each time: what is told is told once.
    name = f"find_{strict}_{sum(map(ord, body))}"
    module = module_of(tmp_path, monkeypatch, name, FIND.format(body=body))
    own = Registry([*registry.plugins, load_module(module)], strict=strict)
    (tmp_path / "rows.csv").write_text("a,y\n1,2\n")
    if strict:
        with pytest.raises(PluginError, match=words):
            own.get(Dataset, str(tmp_path / "rows.csv"))
        return
    with pytest.warns(UserWarning, match=f"plugin '{name}' of .*{words}") as caught:
        assert own.get(Dataset, str(tmp_path / "rows.csv")).name == "csv_file"
    assert len(caught) == 1
    with pytest.raises(UsageError, match="There is no dataset called"):
        own.get(Dataset, "nonsense")


def test_a_find_that_refuses_in_its_own_words_is_believed(registry):
    with pytest.raises(UsageError, match="are a pickle"):
        registry.get(Dataset, "rows.pkl")


# -- a plugin that is called -------------------------------------------------------------------


class Odd(BaseException):
    def __str__(self):
        raise ValueError


@pytest.mark.parametrize("error", [SystemExit(0), Odd(), GeneratorExit()])
def test_what_is_called_cannot_end_the_program(error):
    def leaves(labels):
        raise error

    declared = package.loss(leaves)
    assert isinstance(declared, Loss)
    with pytest.raises(PluginError, match=f"failed in 'here': {type(error).__name__}"):
        call_plugin(declared, "here", 1)


def test_ctrl_c_is_none_of_a_plugins_faults():
    def interrupted(labels):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call_plugin(package.loss(interrupted), "here", 1)


def test_a_message_that_fails():
    assert message_of(Odd()) == "its message cannot be shown (ValueError)"
