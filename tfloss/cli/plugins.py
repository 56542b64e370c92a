"""`tfloss plugins`."""

from __future__ import annotations

from collections import Counter

import click

from tfloss.cli.common import print_tables
from tfloss.cli.streams import say
from tfloss.errors import PluginError
from tfloss.registry import Plugin, load_registry


@click.command()
@click.option(
    "--doctor", is_flag=True, help="Load each in a process of its own, and say what is wrong."
)
@click.option(
    "--limit",
    type=click.FloatRange(0, min_open=True),
    default=20.0,
    show_default=True,
    help="Seconds that --doctor waits for each.",
)
@click.pass_context
def plugins(context: click.Context, doctor: bool, limit: float) -> None:
    """List the installed plugins: distribution, version, what each registers, what is wrong.

    A plugin is switched off by --no-plugin NAME, or by TFLOSS_NO_PLUGIN=NAME,NAME.
    """
    from tfloss.report.tables import text_table

    if doctor:
        _examine(limit)
        return
    options = context.find_root().obj or {}
    registry = load_registry(
        no_plugins=options.get("no_plugin", ()), strict=options.get("strict", False)
    )
    rows = [
        (plugin.name, plugin.distribution, plugin.module, _state(plugin))
        for plugin in registry.plugins
    ]
    print_tables([text_table("Plugins", ("name", "distribution", "module", "registers"), rows)])


def _examine(limit: float) -> None:
    """Print what the doctor finds; exit code 5 where a plugin cannot be used.

    Raises:
        PluginError: after the table, where there is a problem.
    """
    from tfloss.registry.doctor import examine
    from tfloss.report.tables import text_table

    findings = list(examine(limit))
    rows = [
        (f.name, f.distribution, f"{f.seconds:.2f} s", "PROBLEM" if f.problem else "well")
        for f in findings
    ]
    print_tables([text_table("Plugins", ("name", "distribution", "loaded in", ""), rows)])
    for finding in findings:
        if finding.problem or finding.advice:
            say(f"{finding.name}: {finding.problem or finding.advice}.")
    ill = [finding.name for finding in findings if finding.problem]
    if ill:
        raise PluginError(
            f"{len(ill)} of {len(findings)} plugins cannot be used: {', '.join(ill)}; leave them "
            f"out with {' '.join(f'--no-plugin {name}' for name in ill)}, or TFLOSS_NO_PLUGIN."
        )


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
