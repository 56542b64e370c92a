"""What a release is made of agrees: versions, dependencies, and what the workflows run."""

from __future__ import annotations

import importlib.metadata
import itertools
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import tfloss

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RECIPE = (ROOT / "packaging" / "conda" / "meta.yaml").read_text(encoding="utf-8")
WORKFLOWS = {p.name: p.read_text("utf-8") for p in (ROOT / ".github" / "workflows").glob("*.yml")}
CONDA_NAMES = {"matplotlib": "matplotlib-base"}
# What their next major version changes is what tfloss is built on.
BELOW = {
    "tensorflow": 3,
    "keras": 4,
    "numpy": 3,
    "scipy": 2,
    "scikit-learn": 2,
    "pluggy": 2,
    "click": 9,
}


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


def test_every_dependency_has_a_lowest_version():
    """packaging/matrix.py tries them."""
    optional = PROJECT["project"]["optional-dependencies"].values()
    required = PROJECT["project"]["dependencies"]
    for dependency in itertools.chain(required, *optional):
        assert re.match(r"[\w-]+>=\d|tfloss\[", dependency), dependency


def test_what_would_break_stays_below_its_next_major_version():
    for name, major in BELOW.items():
        [found] = (d for d in PROJECT["project"]["dependencies"] if d.startswith(f"{name}>="))
        assert found.endswith(f",<{major}")


def test_workflows_run_what_is_there_and_pin_what_they_use():
    for name, text in WORKFLOWS.items():
        for script in re.findall(r"packaging/[\w.]+", text):
            assert (ROOT / script).exists(), (name, script)
        for action, version in re.findall(r"uses: (\S+)@(\S+)", text):
            assert re.fullmatch(r"[0-9a-f]{40}", version), (name, action)
    assert "packaging/smoke" in WORKFLOWS["release.yml"]
    assert "packaging/matrix.py" in WORKFLOWS["versions.yml"]


@pytest.mark.skipif(shutil.which("cyclonedx-py") is None, reason='pip install "cyclonedx-bom>=7"')
def test_the_bill_of_materials_is_valid_and_has_the_dependencies(tmp_path):
    from cyclonedx.schema import OutputFormat, SchemaVersion
    from cyclonedx.validation import make_schemabased_validator

    path = tmp_path / "tfloss.cdx.json"
    subprocess.run([ROOT / "packaging" / "sbom", sys.executable, path], check=True)
    text = path.read_text(encoding="utf-8")
    assert (
        make_schemabased_validator(OutputFormat.JSON, SchemaVersion.V1_6).validate_str(text) is None
    )
    bill = json.loads(text)
    own = bill["metadata"]["component"]
    assert (own["name"], own["version"]) == ("tfloss", tfloss.__version__)
    versions = {one["name"].lower(): one["version"] for one in bill["components"]}
    [needed] = (one["dependsOn"] for one in bill["dependencies"] if one["ref"] == own["bom-ref"])
    for dependency in PROJECT["project"]["dependencies"]:
        name = re.match(r"[\w-]+", dependency)[0]
        installed = importlib.metadata.version(name)
        found = next(one for one in versions if re.sub("[-_.]+", "-", one) == name)
        assert versions[found] == installed
        assert f"{found}=={installed}" in {one.lower() for one in needed}
