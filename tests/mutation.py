"""Change the code in small ways and see whether a test notices.

    python -m tests.mutation tfloss/formula --tests tests/formula
    python -m tests.mutation tfloss/objective --tests tests/objective --sample 100 --warm tensorflow

Each mutant lives in a forked process, into which only pytest and what `--warm` names have been
imported before; no file is changed. What survives is printed as file, line and change.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib
import importlib.abc
import importlib.util
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SWAPS: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


@dataclass(frozen=True)
class Mutant:
    """One change: the file, the line, what was and what is, and the whole changed code."""

    path: Path
    line: int
    was: str
    now: str
    code: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.was}  ->  {self.now}"


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Every mutant of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for place, node in enumerate(ast.walk(tree)):
        if not (hasattr(node, "lineno") and _is_code(node)):
            continue
        changed = copy.deepcopy(tree)
        target = next(n for i, n in enumerate(ast.walk(changed)) if i == place)
        was = ast.unparse(target)
        if _change(target):
            now = ast.unparse(target)
            yield Mutant(path, node.lineno, was[:80], now[:80], ast.unparse(changed))


def _is_code(node: ast.AST) -> bool:
    return isinstance(node, (ast.BinOp, ast.Compare, ast.BoolOp, ast.UnaryOp, ast.Constant, ast.If))


def _change(node: Any) -> bool:
    """Change a node in place; whether there was something to change."""
    if isinstance(node, ast.Compare):
        node.ops[0] = _SWAPS[type(node.ops[0])]()
    elif isinstance(node, (ast.BinOp, ast.BoolOp)):
        if type(node.op) not in _SWAPS:
            return False
        node.op = _SWAPS[type(node.op)]()
    elif isinstance(node, ast.UnaryOp):
        if not isinstance(node.op, (ast.Not, ast.USub)):
            return False
        node.op = ast.UAdd() if isinstance(node.op, ast.USub) else node.op
        if isinstance(node.op, ast.Not):
            node.operand = ast.UnaryOp(ast.Not(), node.operand)
    elif isinstance(node, ast.If):
        node.test = ast.UnaryOp(ast.Not(), node.test)
    elif isinstance(node.value, bool):
        node.value = not node.value
    elif isinstance(node.value, (int, float)):
        node.value += 1
    else:
        return False
    return True


class Changed(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Imports one module from changed code."""

    def __init__(self, name: str, mutant: Mutant) -> None:
        self._name, self._mutant = name, mutant

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != self._name:
            return None
        file = str(self._mutant.path.resolve())
        package = [str(self._mutant.path.resolve().parent)]
        is_package = self._mutant.path.name == "__init__.py"
        return importlib.util.spec_from_file_location(
            name, file, loader=self, submodule_search_locations=package if is_package else None
        )

    def get_source(self, name: str) -> str:
        return self._mutant.code

    def is_package(self, name: str) -> bool:
        return self._mutant.path.name == "__init__.py"


def survives(mutant: Mutant | None, tests: list[str], limit: float) -> bool:
    """Whether all tests pass on a mutant, or on the code as it is."""
    child = os.fork()
    if child == 0:
        _run(mutant, tests)
    end = time.monotonic() + limit
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _run(mutant: Mutant | None, tests: list[str]) -> None:
    import pytest

    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    if mutant is not None:
        name = ".".join(mutant.path.with_suffix("").parts).removesuffix(".__init__")
        sys.meta_path.insert(0, Changed(name, mutant))
    try:
        code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests]))
    except BaseException:
        code = 1
    os._exit(min(code, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tests", nargs="+", required=True)
    parser.add_argument("--sample", type=int, help="so many mutants, drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=float, default=120, help="seconds for one mutant")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after so long")
    parser.add_argument("--warm", nargs="*", default=[], help="modules to import once")
    options = parser.parse_args()
    for module in ("pytest", "hypothesis", "numpy", *options.warm):
        importlib.import_module(module)
    if not survives(None, options.tests, 10 * options.limit):
        sys.exit("The tests do not pass on the code as it is.")
    found = [mutant for path in sorted(options.folder.rglob("*.py")) for mutant in mutants_of(path)]
    drawn = random.Random(options.seed).sample(found, min(options.sample or len(found), len(found)))
    started, tried, alive = time.monotonic(), 0, 0
    for mutant in drawn:
        if time.monotonic() - started > 60 * options.minutes:
            break
        tried += 1
        if survives(mutant, options.tests, options.limit):
            alive += 1
            print(f"survived: {mutant}", flush=True)
    print(f"{tried - alive} of {tried} mutants were noticed ({len(found)} there are)")


if __name__ == "__main__":
    main()
