"""No room for the page about what is finished: a sentence, and all else stays."""

from __future__ import annotations

import errno

import pytest

from tests.cli.running import tfloss as command


@pytest.fixture
def full_disk(monkeypatch):
    """A disk on which no report has room."""
    from tfloss.io import atomic

    real = atomic.write_text

    def write_text(path, text):
        if path.name == "report.html":
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path, text)

    for module in ("tfloss.io.atomic", "tfloss.report.run"):
        monkeypatch.setattr(f"{module}.write_text", write_text)


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "--loss", "bce"),
        ("compare", "bce", "bce + 1e-3*l2", "--seeds", "2"),
    ],
)
def test_a_full_disk_while_the_report_is_written(arguments, full_disk, tmp_path):
    small = ("--train-size", "40", "--epochs", "1", "--quiet", "--runs", tmp_path)
    answer = command(*arguments, *small)
    assert answer.code == 0, answer.err
    assert "No space left on device" in answer.err
    assert "`tfloss report " in answer.err
    (folder,) = tmp_path.iterdir()
    assert (folder / "manifest.json").is_file()
    assert not (folder / "report.html").exists()
