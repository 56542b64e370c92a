"""The Python reference: every public name, with its signature and its docstring."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from tfloss_docs.files import Folder
from tfloss_docs.markdown import block, code, escaped, from_docstring

# The modules whose names users import, each a page, with its title.
MODULES = {
    "tfloss": "tfloss",
    "tfloss.sklearn": "tfloss.sklearn: estimators",
    "tfloss.constraints": "tfloss.constraints: ranges of settings",
    "tfloss.ops": "tfloss.ops: what losses are made of",
    "tfloss.testing": "tfloss.testing: the conformance kit",
    "tfloss.formula": "tfloss.formula: text and tree",
    "tfloss.typing": "tfloss.typing: annotations",
    "tfloss.errors": "tfloss.errors: exceptions and their sentences",
    "tfloss.importing": "tfloss.importing: a user's modules",
}

# What `tfloss` offers, by what it is for; a name that is new comes under "More".
GROUPS = {
    "Training": (
        "fit", "fit_stream", "fit_model", "attach", "Loss", "tap", "Checkpoint", "GradientMonitor",
    ),
    "Data": ("load_data", "Table"),
    "Results": ("Result", "read_run", "evaluate", "export", "load_network", "LiveCurves"),
    "Comparing and searching": ("compare", "search", "ComparisonResult"),
    "Understanding": ("explain", "bind", "parse", "losses"),
    "Declaring": (
        "loss", "function", "balance", "reduction", "schedule", "teacher", "dataset", "model",
        "metric", "recipe", "tracker", "hookimpl", "LossVariable", "load_registry", "Registry",
    ),
    "Errors": (
        "TflossError", "UsageError", "FormulaError", "DataError", "NumericsError", "PluginError",
        "WorkerError", "Interrupted",
    ),
    "TensorFlow and Keras at their first use": ("tf", "keras"),
}  # fmt: skip


def public_names(module: str) -> list[str]:
    """What a module says that it offers."""
    found = importlib.import_module(module)
    names = getattr(found, "__all__", None)
    if names is None:
        own = (n for n, v in vars(found).items() if getattr(v, "__module__", "") == module)
        names = [name for name in own if not name.startswith("_")]
    return sorted(names)


def write(folder: Folder) -> None:
    """A page for each module, and the list of them."""
    pages = [(slug(module), title) for module, title in MODULES.items()]
    folder.write("python.md", _index(pages))
    for module, title in MODULES.items():
        folder.write(f"{slug(module)}.md", "\n".join(_module(module, title)))


def slug(module: str) -> str:
    """The name of a module's page."""
    return f"python_{module.replace('.', '_')}"


def _index(pages: list[tuple[str, str]]) -> str:
    lines = [
        "# Python",
        "",
        "Every public name. `import tfloss` imports neither TensorFlow nor Keras; a name does that "
        "when it is first used. What is not here is private and changes without notice.",
        "",
    ]
    for (page, _), module in zip(pages, MODULES, strict=True):
        names = ", ".join(code(name) for name in public_names(module))
        lines.append(f"- [{MODULES[module]}]({page}.md): {names}")
    lines += ["", "```{toctree}", ":hidden:", "", *(page for page, _ in pages), "```", ""]
    return "\n".join(lines)


def _module(module: str, title: str) -> Iterator[str]:
    found = importlib.import_module(module)
    yield from [f"# {title}", ""]
    doc = inspect.getdoc(found) or ""
    yield from [*from_docstring(doc.partition("\n")[0] if module == "tfloss" else doc), ""]
    for heading, names in _grouped(module):
        if heading:
            yield from [f"## {heading}", ""]
        for name in names:
            yield from _name(module, name, getattr(found, name))


def _grouped(module: str) -> Iterator[tuple[str, list[str]]]:
    names = public_names(module)
    if module != "tfloss":
        yield "", names
        return
    for heading, members in GROUPS.items():
        yield heading, [name for name in members if name in names]
    more = [name for name in names if not any(name in group for group in GROUPS.values())]
    if more:
        yield "More", more


def _name(module: str, name: str, thing: Any) -> Iterator[str]:
    yield from [f"### {name}", ""]
    kind = "py:class" if inspect.isclass(thing) else "py:function" if callable(thing) else "py:data"
    if isinstance(thing, ModuleType):
        yield from [f"The module `{thing.__name__}`, imported when it is first used.", ""]
        return
    yield f":::::{{{kind}}} {module}.{name}{_signature(thing) if callable(thing) else ''}"
    yield ""
    doc = inspect.getdoc(thing) or ""
    if kind == "py:data" and inspect.getdoc(type(thing)) == doc and not _own(thing):
        doc = ""
        yield from block(f"{name} = {thing!r}"[:400])
    yield from from_docstring(doc)
    if inspect.isclass(thing):
        yield from _members(thing)
    yield from ["", ":::::", ""]


def _own(thing: Any) -> bool:
    return type(thing).__module__.startswith("tfloss")


def _signature(thing: Any) -> str:
    """Parameters with their defaults; annotations would be longer than what they explain."""
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):
        return "()"
    bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    text = str(signature.replace(parameters=bare, return_annotation=signature.empty))
    return re.sub(r"<[^<>]*>", "...", text)


def _members(thing: type) -> Iterator[str]:
    """Methods and properties of the class's own that have something to say."""
    for name, member in vars(thing).items():
        doc = inspect.getdoc(getattr(thing, name, None))
        if name.startswith("_") or not doc:
            continue
        if isinstance(member, property):
            yield from ["", f"**{code(name)}**: {escaped(doc.partition(chr(10))[0])}", ""]
        elif inspect.isfunction(member) or isinstance(member, classmethod | staticmethod):
            call = f"{name}{_signature(getattr(thing, name))}"
            yield from ["", f"**{code(call)}**", "", *from_docstring(doc), ""]
