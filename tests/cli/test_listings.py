"""The commands that list what there is."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.running import tfloss


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], "train"),
        (["--version"], "tfloss"),
        (["train", "--help"], "--teacher"),
        (["losses"], "abs_kl"),
        (["losses", "--search", "Hinton"], "kd"),
        (["losses", "--family", "ranking"], "16 losses of"),
        (["losses", "--search", "cosine class"], "arcface"),
        (["losses", "kd"], "temperature=2.0"),
        (["losses", "kd"], "Example: bce + 0.5*kd(temperature=4)"),
        (["functions"], "stop_gradient"),
        (["functions", "linear"], "steps"),
        (["teachers"], "gpc"),
        (["datasets"], "breast_cancer"),
        (["models", "mlp"], "article"),
        (["metrics"], "log-loss"),
        (["recipes"], "article_base"),
        (["plugins"], "losses-divergence"),
    ],
)
def test_listing(arguments, words):
    answer = tfloss(*arguments)
    assert answer.code == 0
    assert words in answer.out
    assert answer.err == ""


def test_search_leaves_the_others_out():
    assert "bce" not in tfloss("losses", "--search", "hinton").out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["losses", "--plot"], "Say which loss to draw"),
        (["losses", "--family", "rankin"], "Did you mean 'ranking'"),
        (["losses", "bcee"], "Did you mean 'bce'"),
        (["losses", "bce + kd", "--plot"], "is not one loss"),
        (["losses", "focal(gama=2)", "--plot"], "Did you mean 'gamma'"),
        (["losses", "focal", "--save", "focal.gif"], "does not tell the picture's format"),
    ],
)
def test_what_cannot_be_listed_or_drawn_is_said_without_tensorflow(arguments, sentence):
    program = (
        "import sys\nfrom tests.cli.running import tfloss\n"
        f"answer = tfloss(*{arguments!r})\n"
        "print(answer.code, 'tensorflow' in sys.modules, answer.err)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.startswith("2 False Error: "), done.stdout + done.stderr
    assert sentence in done.stdout
