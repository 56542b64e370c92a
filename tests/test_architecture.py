"""The floors of `docs/architecture.md`, held against the code's own imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# From the ground up. Packages of one line stand beside each other and do not import one another.
FLOORS = [
    {"errors", "importing", "lazy", "constraints"},
    {"io", "ops", "display"},
    {"formula", "cluster"},
    {"registry", "typing"},
    {"objective"},
    {"student", "teachers", "data"},
    {"training"},
    {"runs"},
    {"exporting"},
    {"api", "keras_integration", "comparison", "sklearn"},
    {"report"},
    {"testing"},
    {"cli"},
]
# A teacher is asked about prepared data; a network's logits are found as a student's are.
# `tfloss.fit` takes a formula first, or a Keras model of one's own.
BESIDE = {("teachers", "data"), ("teachers", "student"), ("api", "keras_integration")}
LEVEL = {name: level for level, names in enumerate(FLOORS) for name in names}
SLOW = {"tensorflow", "keras"}


def modules() -> Iterator[Path]:
    yield from sorted((ROOT / "tfloss").rglob("*.py"))


def floor_of(path: Path) -> str | None:
    parts = path.relative_to(ROOT / "tfloss").parts
    return None if parts[0].startswith("__") else parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[tuple[str, bool]]:
    """Every imported module, and whether it is imported as the file is loaded."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) in top
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, id(node) in top


@pytest.mark.parametrize("path", list(modules()), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path):
    floor = floor_of(path)
    if floor is None:
        return  # the package's own front door shows every floor
    assert floor in LEVEL, f"'{floor}' has no place in FLOORS"
    for module, _ in imported(path):
        if not module.startswith("tfloss."):
            continue
        other = module.split(".")[1]
        same = other == floor
        down = LEVEL[other] < LEVEL[floor]
        assert same or down or (floor, other) in BESIDE, f"{floor} imports {module}"


@pytest.mark.parametrize("path", list(modules()), ids=lambda p: str(p.relative_to(ROOT)))
def test_tensorflow_is_never_imported_by_loading_a_module(path):
    loaded = {module.split(".")[0] for module, at_once in imported(path) if at_once}
    assert not loaded & SLOW


def test_plugins_use_public_modules_only():
    public = {"tfloss", "tfloss.constraints", "tfloss.data", "tfloss.errors", "tfloss.ops"}
    public |= {"tfloss.importing", "tfloss.teachers", "tfloss.typing"}
    for path in sorted((ROOT / "plugins").rglob("*.py")):
        for module, _ in imported(path):
            known = module in public or module.split(".")[0] != "tfloss"
            assert known, f"{path.relative_to(ROOT)} imports {module}"


def test_formula_and_registry_need_the_standard_library_and_pluggy_only():
    allowed = {"tfloss", "pluggy"}
    for floor in ("formula", "registry"):
        for path in sorted((ROOT / "tfloss" / floor).glob("*.py")):
            for module, _ in imported(path):
                name = module.split(".")[0]
                assert name in allowed or name in stdlib(), f"{path.name} imports {module}"


def stdlib() -> frozenset[str]:
    import sys

    return frozenset(sys.stdlib_module_names)
