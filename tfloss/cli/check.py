"""`tfloss check`."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any

import click

from tfloss.cli.common import print_tables, registry_of
from tfloss.errors import PluginError, UsageError, did_you_mean
from tfloss.registry import Loss, Registry

_SIGNS = {"passed": "ok", "failed": "FAILED", "not applicable": "-", "exempt": "exempt"}
_SIDE_BY_SIDE = 4  # so many losses fit as columns


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME|MODULE|DISTRIBUTION]...")
@click.option("--all", "everything", is_flag=True, help="Every loss of every plugin.")
@click.option(
    "--sizes", is_flag=True, help="Measure time and memory of 256, 1,024 and 4,096 rows as well."
)
@click.option("--quiet", is_flag=True, help="Print the failures only.")
@click.pass_context
def check(
    context: click.Context, names: tuple[str, ...], everything: bool, sizes: bool, quiet: bool
) -> None:
    """Check losses: shapes, values, gradients, declared properties, ways to run them, packaging.

    A NAME is that of a loss; a MODULE need not be installed; a DISTRIBUTION is checked as a whole.
    Leaves with exit code 5 when a check fails.
    """
    losses = _wanted(registry_of(context), names, everything)
    by_loss = _run(losses, quiet)
    failures = [
        result for results in by_loss.values() for result in results if result.status == "failed"
    ]
    if not quiet:
        print_tables([_table(by_loss)])
        _legend(by_loss)
    if sizes:
        print_tables([_costs(losses)])
    for result in failures:
        click.echo(f"\n{result.loss}: {result.check}\n  {result.message}")
    if failures:
        failing = len({result.loss for result in failures})
        raise PluginError(
            f"{len(failures)} check{'s' * (len(failures) > 1)} failed, of {failing} "
            f"loss{'es' * (failing > 1)}; what was tried and the likely cause are above."
        )


# -- which losses --------------------------------------------------------------------------------


def _wanted(registry: Registry, names: Iterable[str], everything: bool) -> list[Loss]:
    if everything:
        return list(registry.losses.values())
    if not names:
        raise UsageError("Say what to check: a loss, a module, a distribution, or --all.")
    found = [loss for name in names for loss in _called(registry, name)]
    return list({id(loss.function): loss for loss in found}.values())


def _called(registry: Registry, name: str) -> list[Loss]:
    """The loss of that name, or the losses of that distribution, plugin or module."""
    if name in registry.losses:
        return [registry.losses[name]]
    of_plugin = [
        loss
        for loss in registry.losses.values()
        if name in (loss.distribution.partition(" ")[0], loss.plugin, loss.function.__module__)
    ]
    return of_plugin or _of_module(registry, name)


def _of_module(registry: Registry, name: str) -> list[Loss]:
    try:
        module = _imported(name)
    except ModuleNotFoundError as error:
        distributions = {loss.distribution.partition(" ")[0] for loss in registry.losses.values()}
        raise UsageError(
            f"There is no loss, distribution or module called '{name}' ({error})."
            f"{did_you_mean(name, {*registry.losses, *distributions})}"
        ) from None
    except Exception as error:
        raise PluginError(f"The module '{name}' cannot be imported: {error}") from error
    own = Registry(strict=True)
    own.add_module(module)
    if not own.losses:
        raise UsageError(f"The module '{name}' registers no loss.")
    return list(own.losses.values())


def _imported(name: str) -> ModuleType:
    """A module, from the working folder too, as `python -m` has it."""
    import sys

    if "" not in sys.path:
        sys.path.insert(0, "")
    if not all(part.isidentifier() for part in name.split(".")):
        raise ModuleNotFoundError(f"'{name}' cannot be a module's name")
    return importlib.import_module(name)


# -- running and showing -------------------------------------------------------------------------


def _run(losses: Sequence[Loss], quiet: bool) -> dict[str, Any]:
    import logging

    from tfloss.io.quiet_import import import_tensorflow
    from tfloss.testing import check_loss
    from tfloss.testing.replicas import prepare_devices

    import_tensorflow(prepare_devices)
    # Each loss is compiled a few times, which TensorFlow would mention each time.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    by_loss = {}
    for number, loss in enumerate(losses, start=1):
        if not quiet:
            click.echo(f"checking {loss.name} ({number} of {len(losses)})", err=True)
        by_loss[loss.name] = check_loss(loss)
    return by_loss


def _table(by_loss: dict[str, Any]) -> Any:
    return _checks_by_loss(by_loss) if len(by_loss) <= _SIDE_BY_SIDE else _a_row_per_loss(by_loss)


def _checks_by_loss(by_loss: dict[str, Any]) -> Any:
    """A row per check, a column per loss."""
    from tfloss.report.tables import text_table

    rows = [
        (results[0].check, *(_sign(result) for result in results))
        for results in zip(*by_loss.values(), strict=True)
    ]
    totals = (
        "inputs tried",
        *(str(sum(r.inputs for r in results)) for results in by_loss.values()),
    )
    return text_table("Checks", ("", *by_loss), [*rows, totals])


def _sign(result: Any) -> str:
    tried = f" ({result.inputs})" if result.status == "passed" else ""
    return _SIGNS[result.status] + tried


def _a_row_per_loss(by_loss: dict[str, Any]) -> Any:
    """A row per loss: how many checks passed of those that apply, and which failed."""
    from tfloss.report.tables import text_table

    rows = []
    for name, results in by_loss.items():
        statuses = [result.status for result in results]
        applying = len(results) - statuses.count("not applicable")
        failed = ", ".join(result.check for result in results if result.status == "failed")
        inputs, seconds = sum(r.inputs for r in results), sum(r.seconds for r in results)
        passed = f"{statuses.count('passed')}/{applying}"
        rows.append((name, passed, str(inputs), f"{seconds:.1f}", failed))
    return text_table("Checks", ("loss", "passed", "inputs", "s", "failed"), rows)


def _legend(by_loss: dict[str, Any]) -> None:
    results = [result for results in by_loss.values() for result in results]
    count = {status: sum(r.status == status for r in results) for status in _SIGNS}
    click.echo(
        f"{len(by_loss)} loss{'es' * (len(by_loss) > 1)}, {sum(r.inputs for r in results)} inputs "
        f"tried: {count['passed']} checks passed, {count['failed']} failed, "
        f"{count['not applicable']} do not apply, {count['exempt']} exempt."
    )
    for result in results:
        if result.status == "exempt":
            click.echo(f"{result.loss} is exempt from '{result.check}': {result.message}")


def _costs(losses: Sequence[Loss]) -> Any:
    """A row per loss: milliseconds and megabytes of value and gradient, by rows of the batch."""
    from tfloss.report.tables import text_table
    from tfloss.testing.cost import SIZES, costs

    rows = [(loss.name, *map(_cost, costs(loss))) for loss in losses]
    return text_table("Cost of value and gradient", ("", *(f"{n:,} rows" for n in SIZES)), rows)


def _cost(cost: Any) -> str:
    if cost.seconds is None:
        return str(cost.note)
    memory = "" if cost.bytes is None else f", {cost.bytes / 2**20:,.0f} MB"
    return f"{1e3 * cost.seconds:.3g} ms{memory}"
