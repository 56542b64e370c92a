"""`tfloss plugins`."""

from __future__ import annotations

from collections import Counter

import click

from tfloss.cli.common import print_tables
from tfloss.registry import Plugin, load_registry


@click.command()
@click.pass_context
def plugins(context: click.Context) -> None:
    """List the installed plugins: distribution, version, what each registers, what is wrong.

    A plugin is switched off by --no-plugin NAME, or by TFLOSS_NO_PLUGIN=NAME,NAME.
    """
    from tfloss.report.tables import text_table

    options = context.find_root().obj or {}
    registry = load_registry(
        no_plugins=options.get("no_plugin", ()), strict=options.get("strict", False)
    )
    rows = [
        (plugin.name, plugin.distribution, plugin.module, _state(plugin))
        for plugin in registry.plugins
    ]
    print_tables([text_table("Plugins", ("name", "distribution", "module", "registers"), rows)])


def _state(plugin: Plugin) -> str:
    if plugin.off:
        return "switched off"
    counts = Counter(declaration.kind for declaration in plugin.declarations)
    registers = ", ".join(
        f"{count} {kind}{_plural(kind, count)}" for kind, count in sorted(counts.items())
    )
    if plugin.problem:
        return f"PROBLEM: {plugin.problem}"
    return registers or "what it finds by name"


def _plural(kind: str, count: int) -> str:
    if count == 1:
        return ""
    return "es" if kind.endswith("s") else "s"
