"""`tfloss check`: what it finds by name, what it prints, how it leaves."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from tfloss.cli.main import cli
from tfloss.errors import PluginError, UsageError

MODULE = '''
"""Two losses, one of them wrong."""
import tfloss
from tfloss import tf


@tfloss.loss(latex="x", range=(0, None))
def fine(labels, prediction):
    """Squared error.

    labels, prediction: (batch, k).
    Returns (batch,).  Source: Gauss 1809.
    """
    if labels.shape != prediction.shape:
        raise ValueError("the shapes differ")
    return tf.reduce_mean(tf.square(labels - prediction), axis=-1)


@tfloss.loss(latex="x", range=(0, None))
def wrong(labels, prediction):
    """Squared error.

    labels, prediction: (batch, k).
    Returns (batch,).  Source: Gauss 1809.
    """
    return tf.reduce_mean(tf.square(labels - prediction), axis=-1)


@tfloss.hookimpl
def tfloss_losses():
    return [fine, wrong]
'''


def run(*arguments):
    return CliRunner().invoke(cli, ["check", *arguments])


def test_a_loss_by_name():
    result = run("bce")
    assert result.exit_code == 0, result.output
    assert "finite gradients" in result.output
    assert "0 failed" in result.output


def test_a_module_with_a_failure_leaves_with_5(tmp_path, monkeypatch):
    (tmp_path / "two_losses.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    result = run("two_losses")
    assert isinstance(result.exception, PluginError)
    assert result.exception.exit_code == 5
    assert "1 check failed, of 1 loss" in str(result.exception)
    assert "wrong: refuses shapes that do not match" in result.output
    assert "Smallest input that fails" in result.output


def test_a_plugin_is_checked_as_a_whole():
    result = run("losses-penalty", "--quiet")
    assert result.output == "" or "checking" not in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Say what to check"),
        (("bcee",), "Did you mean 'bce'"),
        (("json",), "registers no loss|no hook"),
        (("no-such-thing",), "There is no loss"),
    ],
)
def test_what_cannot_be_checked(arguments, message):
    result = run(*arguments)
    assert isinstance(result.exception, (UsageError, PluginError))
    import re

    assert re.search(message, str(result.exception))
