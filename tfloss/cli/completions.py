"""What a shell offers when Tab is pressed: names of plugins; in a formula, its last name.

Nothing here imports TensorFlow or scikit-learn: a shell waits for it at every Tab.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import click
from click.shell_completion import CompletionItem

from tfloss.cli.column_names import column_names
from tfloss.registry import Registry, load_registry

Kind = Literal[
    "teachers", "datasets", "models", "recipes", "metrics", "trackers", "losses", "balances"
]

_LAST_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*$")
_CALL = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*)\($")
_OPENING = re.compile(r"[:(]")  # of settings
_TENSORS = ("labels", "logits", "probs", "prediction", "inputs", "teacher")


def names_of(kind: Kind, *, or_file: bool = False) -> Any:
    """A completion for names of a kind; after 'ALIAS=' too, and of files where no name fits."""

    def complete(
        context: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        alias, equals, start = incomplete.rpartition("=")
        known: Mapping[str, Any] = getattr(_registry(context), kind)
        items = [
            CompletionItem(f"{alias}{equals}{name}", help=declaration.summary)
            for name, declaration in sorted(known.items())
            if name.startswith(start)
        ]
        if or_file and not items:  # next to a file, click's script for bash forgets the names
            items.append(CompletionItem(incomplete, type="file"))
        return items

    return complete


def teachers(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of teachers; behind 'rf:' the parameters of its estimator, as scikit-learn has them."""
    before, settings = _parted(incomplete)
    if settings is None:
        return names_of("teachers", or_file=True)(context, parameter, incomplete)
    name = before.rpartition("=")[2]
    declared = _registry(context).teachers.get(name)
    if declared is None:
        return []
    known = [*declared.settings, *_parameters(declared.estimator)]
    return _settings_after(incomplete, settings, known)


def settings_of(names: Mapping[str, Iterable[str]]) -> Any:
    """A completion for 'NAME:SETTING=': the names, then each one's settings."""

    def complete(
        context: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        name, settings = _parted(incomplete)
        if settings is not None:
            return _settings_after(incomplete, settings, names.get(name, ()))
        return [CompletionItem(one) for one in names if one.startswith(incomplete)]

    return complete


def trackers(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of trackers, and behind the colon their settings."""
    known = {n: list(d.settings) for n, d in _registry(context).trackers.items()}
    return settings_of(known)(context, parameter, incomplete)


def models(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of models, and behind the colon their settings."""
    name, settings = _parted(incomplete)
    if settings is None:
        return names_of("models", or_file=True)(context, parameter, incomplete)
    declared = _registry(context).models.get(name)
    return [] if declared is None else _settings_after(incomplete, settings, declared.settings)


def columns_of_file(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The columns of the file that the command line names; the last of several with commas."""
    # Arguments without a name stay in `args` while the last option has no value.
    named = [context.params.get("data"), *reversed(context.args)]
    path = next((Path(str(one)) for one in named if one and Path(str(one)).is_file()), None)
    if path is None:
        return []
    before, comma, start = (
        incomplete.rpartition(",") if parameter.multiple else ("", "", incomplete)
    )
    return [
        CompletionItem(f"{before}{comma}{name}")
        for name in column_names(path)
        if name.startswith(start) and name.isprintable()  # a shell prints and runs what it is given
    ]


def _parted(incomplete: str) -> tuple[str, str | None]:
    """'rf:n_est' and 'rf(n_est' as a name and what has been written of its settings."""
    found = _OPENING.search(incomplete)
    return (
        (incomplete, None)
        if found is None
        else (incomplete[: found.start()], found.string[found.end() :])
    )


def _settings_after(incomplete: str, settings: str, known: Iterable[str]) -> list[CompletionItem]:
    """The last setting completed; nothing behind its equals sign."""
    last = settings.rpartition(",")[2]
    if "=" in last:
        return []
    before = incomplete[: len(incomplete) - len(last)]
    return [CompletionItem(f"{before}{n}=") for n in dict.fromkeys(known) if n.startswith(last)]


def _parameters(dotted: str) -> list[str]:
    """The parameters of a class's constructor, read from its source: nothing is imported."""
    module, _, name = dotted.rpartition(".")
    try:
        top = find_spec(module.partition(".")[0])
        for place in top.submodule_search_locations or () if top else ():
            folder = Path(place).joinpath(*module.split(".")[1:])
            files = [folder.with_suffix(".py"), *sorted(folder.glob("*.py"))]
            for path in files:
                text = path.read_text(encoding="utf-8") if path.is_file() else ""
                if f"class {name}(" in text or f"class {name}:" in text:
                    return _of_constructor(ast.parse(text), name)
    except (OSError, SyntaxError, ValueError, ImportError):
        return []
    return []


def _of_constructor(tree: ast.Module, name: str) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            for part in node.body:
                if isinstance(part, ast.FunctionDef) and part.name == "__init__":
                    every = [*part.args.args[1:], *part.args.kwonlyargs]
                    return [argument.arg for argument in every]
    return []


def formula(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The whole text again with its last name completed, which is what a shell puts in place."""
    found = _LAST_NAME.search(incomplete)
    start = found.group() if found else ""
    before = incomplete[: len(incomplete) - len(start)]
    offered = _offered(before, _registry(context))
    return [
        CompletionItem(before + name, help=summary)
        for name, summary in offered
        if name.startswith(start)
    ]


def _offered(before: str, registry: Registry) -> Iterable[tuple[str, str]]:
    """Names that can follow a text, and what each is."""
    called = _innermost_call(before)
    known = {**registry.losses, **registry.functions, **registry.reductions}
    known |= {**registry.schedules, **registry.balances}
    if called not in registry.losses:
        return [(name, known[name].summary) for name in sorted(known)]
    signature = registry.losses[called].signature
    settings = [
        (f"{n}=", ", ".join(filter(None, (f"default: {value!r}", str(signature.rules.get(n, ""))))))
        for n, value in signature.settings.items()
    ]
    tensors = [(f"{name}=", "a tensor") for name in signature.positional]
    inside = [(n, d.summary) for n, d in sorted(registry.functions.items()) if d.on != "losses"]
    return [*settings, *tensors, *((name, "a tensor") for name in _TENSORS), *inside]


def _innermost_call(before: str) -> str:
    """The name before the last parenthesis that is still open, or ''."""
    depth = 0
    for place in range(len(before) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(before[place], 0)
        if depth < 0:
            found = _CALL.search(before[: place + 1])
            return found.group(1) if found else ""
    return ""


def _registry(context: click.Context) -> Registry:
    """What is installed; problems are reported when a command runs, not while it is being typed."""
    return load_registry(no_plugins=context.find_root().params.get("no_plugin") or ())
