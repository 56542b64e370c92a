"""`tfloss losses`: the catalogue, a page about one loss, and its plot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from tfloss.cli import completions
from tfloss.cli.common import print_tables, registry_of
from tfloss.cli.listings import describe
from tfloss.errors import UsageError
from tfloss.registry import Loss, Registry
from tfloss.report import held_against
from tfloss.report.catalogue import by_family, example_of, properties_of


@click.command()
@click.argument(
    "name",
    required=False,
    metavar="[NAME|NAME(SETTING=VALUE)]",
    shell_complete=completions.names_of("losses"),
)
@click.option(
    "--search", default="", metavar="WORDS", help="Only those that have all WORDS in their page."
)
@click.option("--family", default="", metavar="FAMILY", help="Only those of a family.")
@click.option("--plot", is_flag=True, help="Draw the loss NAME and its gradient.")
@click.option(
    "--save",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Draw them into a file: .svg, .png or .pdf.",
)
@click.pass_context
def losses(
    context: click.Context,
    name: str | None,
    search: str,
    family: str,
    plot: bool,
    save: Path | None,
) -> None:
    """List the losses by family, or describe the one called NAME.

    \b
    tfloss losses --search "noisy labels"
    tfloss losses focal --plot
    tfloss losses "focal(gamma=5)" --save focal.svg
    """
    registry = registry_of(context)
    if name is None:
        if plot or save:
            raise UsageError("Say which loss to draw: tfloss losses NAME --plot.")
        _catalogue(registry, search.lower().split(), family)
        return
    loss, settings = _asked(registry, name)
    if plot or save:
        _draw(loss, settings, plot, save)
    else:
        describe(loss, _about(loss))


# -- the table -----------------------------------------------------------------------------------


def _catalogue(registry: Registry, words: list[str], family: str) -> None:
    """A table for each family that has a loss with all the words."""
    from rich.markup import escape

    from tfloss.errors import did_you_mean, listed
    from tfloss.report.tables import text_table

    families = by_family(registry.losses.values())
    if family and family not in families:
        raise UsageError(
            f"There is no family '{family}'.{did_you_mean(family, families)} "
            f"There are: {listed(families)}."
        )
    found = {
        name: [loss for loss in members if all(word in _words(loss, name) for word in words)]
        for name, members in families.items()
        if family in ("", name)
    }
    tables = [
        text_table(
            f"{name}: {len(members)}",
            ("loss", "tensors", "what it is"),
            [
                tuple(map(escape, (d.name, ", ".join(d.signature.positional), d.summary)))
                for d in members
            ],
        )
        for name, members in found.items()
        if members
    ]
    print_tables(tables)
    count = sum(map(len, found.values()))
    click.echo(f"{count} loss{'es' * (count != 1)} of {len(registry.losses)}.", nl=False)
    click.echo(" `tfloss losses NAME` describes one, with --plot draws it.")


def _words(loss: Loss, family: str) -> str:
    return f"{loss.name} {family} {' '.join(loss.description.split())}".lower()


# -- the page ------------------------------------------------------------------------------------


def _asked(registry: Registry, name: str) -> tuple[Loss, dict[str, Any]]:
    """The loss of a name, or of a call with settings as a formula has it."""
    if name.isidentifier():
        return registry.get(Loss, name), {}
    from tfloss.objective import Scope, plan_terms
    from tfloss.objective.plan import LossUse

    (term, *more) = plan_terms(name, registry, Scope(open_ended=True, weights_known=False))
    if more or not isinstance(term.body, LossUse):
        raise UsageError(f"'{name}' is not one loss; say its name, with settings in parentheses.")
    return term.body.loss, dict(term.body.settings)


def _about(loss: Loss) -> Iterator[str]:
    yield ""
    yield f"Definition: {loss.latex or 'see above'}"
    yield f"Properties: {properties_of(loss)}"
    if loss.same_shape:
        yield f"Of one shape: {'; '.join(', '.join(group) for group in loss.same_shapes)}"
    yield f"Example: {example_of(loss)}"
    yield f"Plot: tfloss losses {loss.name} --plot"
    if compared := list(held_against.lines(loss)):
        yield "Held against (largest relative error):"
        yield from compared


def _draw(loss: Loss, settings: dict[str, Any], plot: bool, save: Path | None) -> None:
    from rich.console import Console

    from tfloss.io.quiet_import import import_tensorflow
    from tfloss.report.profile import as_text, check_path
    from tfloss.report.profile import save as write

    if save:
        check_path(save)
    import_tensorflow()
    from tfloss.testing.profile import profile

    found = profile(loss, settings)
    if plot:
        console = Console(highlight=False)
        console.print(as_text(found, width=max(20, min(72, console.width - 28))))
    if save:
        write(found, save)
        click.echo(f"Drawn in {save}")
