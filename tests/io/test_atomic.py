"""Names of new folders: the first that is free, found without asking for each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfloss.io.atomic import new_folder, whole_folder


@pytest.fixture
def asked(monkeypatch):
    """How many folders were tried."""
    names, make = [], Path.mkdir

    def mkdir(self, *arguments, **options):
        names.append(self.name)
        make(self, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    return names


def test_behind_a_thousand_runs_one_name_is_tried(tmp_path, asked):
    for number in range(1, 1001):
        (tmp_path / f"iris-{number}").mkdir()
    asked.clear()
    assert new_folder(tmp_path, "iris").name == "iris-1001"
    assert asked.count("iris-1001") == 1
    assert len(asked) == 2  # and the folder of the runs
    with whole_folder(tmp_path, "iris") as place:
        (place[0] / "file").write_text("")
    assert place[0].name == "iris-1002"
    (tmp_path / "iris-7").rmdir()
    assert new_folder(tmp_path, "iris").name == "iris-7"


def test_a_name_that_another_process_takes_meanwhile_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr("os.listdir", lambda folder: [])
    (tmp_path / "iris-1").mkdir()
    assert new_folder(tmp_path, "iris").name == "iris-2"
