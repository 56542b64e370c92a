"""What a shell offers when Tab is pressed: names of plugins; in a formula, its last name.

Nothing here imports TensorFlow or scikit-learn: a shell waits for it at every Tab.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import click
from click.shell_completion import CompletionItem

from tfloss.registry import Registry, load_registry

Kind = Literal["teachers", "datasets", "models", "recipes", "metrics", "trackers", "losses"]

_LAST_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*$")
_CALL = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*)\($")
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
