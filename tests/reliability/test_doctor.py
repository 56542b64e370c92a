"""A broken plugin never takes the program down: 12 kinds of fault, each found from outside."""

from __future__ import annotations

import re

import pytest

from tests.registry.distributions import GOOD, install, tfloss

FAULTS = {
    "raises": ("raise RuntimeError('out of order')", "RuntimeError: out of order"),
    "exits": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "misspells": ("def oops(:", "SyntaxError"),
    "lacks": ("import no_such_module_anywhere", "ModuleNotFoundError"),
    "no-hook": ("x = 1", "implements no hook"),
    "raw-function": (
        "import tfloss\ndef f(labels): pass\n@tfloss.hookimpl\ndef tfloss_losses(): return [f]",
        "declare it first",
    ),
    "hook-raises": (
        "import tfloss\n@tfloss.hookimpl\ndef tfloss_losses(): return 1 / 0",
        "ZeroDivisionError",
    ),
    "endless-recursion": ("def f(): return f()\nf()", "RecursionError"),
    "interrupts": ("raise KeyboardInterrupt", "ended the process"),
    "hangs": ("import threading\nthreading.Event().wait()", "not loaded after"),
    "leaves": ("import os\nos._exit(7)", "exit code 7"),
    "crashes": ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
}
# These take down whatever process loads them: they have to be left out, by name, unloaded.
FATAL = ("interrupts", "hangs", "leaves", "crashes")


def folder_with(tmp_path, *names):
    for name in names:
        install(tmp_path, name, FAULTS[name][0])
    install(tmp_path, "good-one", GOOD.format(name="goodone"))
    return tmp_path


def test_the_doctor_finds_each_and_says_how_to_leave_it_out(tmp_path):
    assert len(FAULTS) == 12
    install(tmp_path, "talks", "print('hello')\n" + GOOD.format(name="talks"))
    install(tmp_path, "heavy", "import sklearn\n" + GOOD.format(name="heavy"))
    forgotten = "\n\n@tfloss.loss\ndef forgotten(labels): pass\n"
    install(tmp_path, "forgets", GOOD.format(name="forgets") + forgotten)
    answer = tfloss(folder_with(tmp_path, *FAULTS), "plugins", "--doctor", "--limit", "5")
    assert answer.returncode == 5
    assert "Traceback" not in answer.stderr
    rows = {line.split()[1]: line for line in answer.stdout.splitlines() if line.startswith("│")}
    for name, (_, words) in FAULTS.items():
        assert "PROBLEM" in rows[name]
        assert re.search(rf"^{name}: .*{re.escape(words)}", answer.stdout, re.MULTILINE)
        assert f"--no-plugin {name}" in answer.stderr
    assert "well" in rows["good-one"]
    assert "talks: it prints while it is loaded." in answer.stdout
    assert "forgets: it declares forgotten, which none of its hooks lists." in answer.stdout
    assert "heavy: loading it imports sklearn" in answer.stdout  # and what sklearn imports
    assert "--no-plugin good-one" not in answer.stderr


@pytest.mark.parametrize("arguments", [("--help",), ("losses",)])
def test_what_works_answers_beside_the_others(tmp_path, arguments):
    answer = tfloss(folder_with(tmp_path, *(set(FAULTS) - set(FATAL))), *arguments)
    assert answer.returncode == 0
    assert "Traceback" not in answer.stderr
    assert ("goodone" in answer.stdout) == (arguments == ("losses",))


def test_help_answers_whatever_is_installed(tmp_path):
    answer = tfloss(folder_with(tmp_path, *FAULTS), "--help")
    assert answer.returncode == 0
    assert answer.stderr == ""


def test_what_ends_the_process_can_be_left_out_unloaded(tmp_path):
    off = [word for name in FATAL for word in ("--no-plugin", name)]
    answer = tfloss(folder_with(tmp_path, *FAULTS), *off, "losses")
    assert answer.returncode == 0
    assert "goodone" in answer.stdout


def test_training_goes_on_without_them(tmp_path):
    folder = folder_with(tmp_path, *FAULTS)
    off = [word for name in FATAL for word in ("--no-plugin", name)]
    train = ("train", "--loss", "bce + goodone", "--epochs", "1", "--runs", str(tmp_path / "runs"))
    answer = tfloss(folder, *off, *train)
    assert answer.returncode == 0
    assert "Warning: plugin 'raises'" in answer.stderr
