"""Loading never runs code unless asked: hostile artefacts, opened under an audit hook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.security.hostile import CASES, make_all

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """What became of every artefact, by its name; all are opened in one process."""
    folder = tmp_path_factory.mktemp("hostile")
    make_all(folder)
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "tests.security.hostile"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert not (folder.parent / "escaped.txt").exists()
    assert not (folder.parent.parent / "escaped.txt").exists()
    return {one["name"]: one for one in found}


def test_there_are_thirty_and_more():
    assert len({name for name, *_ in CASES}) == len(CASES) >= 30


@pytest.mark.parametrize(("name", "code", "words"), [(n, c, w) for n, _, _, c, w in CASES])
def test_opening_it_runs_nothing(opened, name, code, words):
    found = opened[name]
    assert found["events"] == []
    assert not found["shown"]
    assert found["code"] == code, found["err"]
    assert words in found["err"]
    assert "Traceback" not in found["err"]
