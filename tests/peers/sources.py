"""What a test holds a loss against, read from the test's own text."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

EQUATIONS = "equations in NumPy"
DIFFERENCES = "central differences"

# By the dotted name that a test uses, the longest first.
_LIBRARIES = {
    "keras": "Keras",
    "scipy": "SciPy",
    "sklearn": "scikit-learn",
    "tf.image": "TensorFlow",
    "tf.keras.losses": "Keras",
    "tf.nn.ctc_loss": "TensorFlow",
    "tf.signal": "TensorFlow",
}
# What equations are written with; no loss is computed by them.
_HELPERS = {"expit", "softmax", "log_softmax", "logsumexp", "log_expit", "xlogy", "one_hot"}
# Peers whose printed or stored numbers a test repeats, as its name, docstring or comments say.
_PEERS = {
    r"tensorflow.addons": "TensorFlow Addons",
    r"tf.ranking|tensorflow.ranking": "TensorFlow Ranking",
    r"pytorch.metric.learning": "pytorch-metric-learning",
    r"scikit.survival": "scikit-survival",
    r"mdistiller": "mdistiller",
    r"kornia": "kornia",
    r"monai": "MONAI",
    r"lifelines": "lifelines",
    r"pycox": "pycox",
    r"tslearn": "tslearn",
    r"auraloss": "auraloss",
    r"geomloss": "geomloss",
    r"optax": "optax",
    r"\btorch": "torch",
    r"\btrl\b": "TRL",
    r"publish|paper.?s.(value|number|example)|prints": "published values",
}


def sources_of(test: Callable[..., Any]) -> tuple[str, ...]:
    """Whose values a test compares with: libraries, peers, else equations."""
    text = inspect.getsource(test).lower()
    found = {name for pattern, name in _PEERS.items() if re.search(pattern, text)}
    found |= set(_libraries(inspect.getsourcefile(test) or "", test.__name__))
    return tuple(sorted(found, key=str.lower)) or (EQUATIONS,)


@cache
def _libraries(file: str, name: str) -> tuple[str, ...]:
    with open(file, encoding="utf-8") as source:
        tree = ast.parse(source.read())
    return tuple(_used(name, _defined(tree), _imported(tree), set()))


def _defined(tree: ast.Module) -> dict[str, ast.AST]:
    """What stands at the top of a module, by name."""
    found: dict[str, ast.AST] = {}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                for name in ast.walk(target):
                    if isinstance(name, ast.Name):
                        found[name.id] = node
    return found


def _imported(tree: ast.Module) -> dict[str, str]:
    """The dotted name behind each imported one."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return found


def _used(
    name: str, defined: dict[str, ast.AST], imported: dict[str, str], seen: set[str]
) -> Iterator[str]:
    """Libraries that a name of the module stands on, through what it calls there."""
    if name in seen or name not in defined:
        return
    seen.add(name)
    for node in ast.walk(defined[name]):
        if isinstance(node, (ast.Attribute, ast.Name)):
            dotted = _dotted(node, imported)
            if dotted and dotted.rpartition(".")[2] not in _HELPERS:
                yield from _named(dotted)
        if isinstance(node, ast.Name):
            yield from _used(node.id, defined, imported, seen)


def _dotted(node: ast.AST, imported: dict[str, str]) -> str:
    """`special.huber` as 'scipy.special.huber'; '' for what is no call of a library."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    root = imported.get(node.id, "")
    root = "tf" if root in ("tfloss.tf", "tensorflow") else root
    return ".".join([root, *parts]) if root and (parts or "." in root) else ""


def _named(dotted: str) -> Iterator[str]:
    for prefix, name in _LIBRARIES.items():
        # A module alone is on the way to a function, which is a longer name.
        if dotted.startswith(f"{prefix}.") and dotted not in _MODULES:
            yield name


_MODULES = {"scipy.special", "scipy.stats", "scipy.spatial", "scipy.spatial.distance",
            "scipy.linalg", "scipy.optimize", "scipy.ndimage", "scipy.signal", "scipy.sparse",
            "scipy.integrate", "sklearn.metrics", "keras.losses", "keras.ops"}  # fmt: skip
