"""The commands that list what there is."""

from __future__ import annotations

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
        (["losses", "kd"], "temperature=2.0"),
        (["functions"], "stop_gradient"),
        (["functions", "linear"], "steps"),
        (["teachers"], "gpc"),
        (["datasets"], "breast_cancer"),
        (["models", "mlp"], "article"),
        (["metrics"], "accuracy"),
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
