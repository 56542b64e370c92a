"""What a release is made of agrees: versions, dependencies, and what the workflows run."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import tfloss

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RECIPE = (ROOT / "packaging" / "conda" / "meta.yaml").read_text(encoding="utf-8")
WORKFLOWS = {p.name: p.read_text("utf-8") for p in (ROOT / ".github" / "workflows").glob("*.yml")}
CONDA_NAMES = {"matplotlib": "matplotlib-base"}


def test_the_version_stands_in_one_place():
    assert "version" in PROJECT["project"]["dynamic"]
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "tfloss/__init__.py"
    assert f"version: {tfloss.__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    assert f'version = "{tfloss.__version__}"' in RECIPE
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{tfloss.__version__}]" in changes


def test_the_recipe_has_the_dependencies():
    for dependency in PROJECT["project"]["dependencies"]:
        name, least = re.match(r"([\w-]+)(>=.+)", dependency).groups()
        assert f"    - {CONDA_NAMES.get(name, name)} {least}\n" in RECIPE
    assert f"    - python {PROJECT['project']['requires-python']}\n" in RECIPE


def test_workflows_run_what_is_there_and_pin_what_they_use():
    assert (ROOT / "packaging" / "smoke").exists()
    for name, text in WORKFLOWS.items():
        for action, version in re.findall(r"uses: (\S+)@(\S+)", text):
            pinned = re.fullmatch(r"[0-9a-f]{40}", version)
            assert pinned or action == "pypa/gh-action-pypi-publish", (name, action)
    assert "packaging/smoke" in WORKFLOWS["release.yml"]
