"""`tfloss explain`."""

from __future__ import annotations

from typing import Any

import click

from tfloss.cli import completions
from tfloss.cli.common import print_tables, registry_of, training_options
from tfloss.cli.config_sources import cli_values
from tfloss.cli.streams import say
from tfloss.io.quiet_import import import_tensorflow
from tfloss.training.config import Config


@click.command()
@click.argument("formula", shell_complete=completions.formula)
@training_options
@click.option("--latex", is_flag=True, help="Print the formula in LaTeX only.")
@click.pass_context
def explain(context: click.Context, formula: str, latex: bool, **options: Any) -> None:
    """Show what FORMULA means for a student, data and teachers: nothing is fitted or trained.

    \b
    tfloss explain "bce + 0.1*abs_kl" --teacher gpc
    tfloss explain "ce + mse(hidden2, teacher)" --teacher rf --data digits --model mlp:32,10
    """
    # What a shell's Tab need not wait for.
    from tfloss.student import with_networks
    from tfloss.training.preflight import check

    registry = registry_of(context)
    said = cli_values(options)
    config = Config.from_mapping({"formula": formula, **said}, origin="The command line")
    registry = with_networks(registry, config.networks)
    check(config, registry)
    if latex:
        from tfloss.formula import parse, to_latex

        say(to_latex(parse(formula)))
        return
    import_tensorflow()
    from tfloss.runs.train import objective_of

    objective = objective_of(config, registry)
    say(objective.text)
    print_tables(_tables(objective))


def _tables(objective: Any) -> list[Any]:
    from tfloss.objective.explain import bindings_of, definitions_of, shape_text, terms_of
    from tfloss.report.tables import text_table
    from tfloss.training.scope import FEATURE

    tensors = [
        (entry.name, shape_text(entry.shape), entry.origin)
        for entry in objective.scope.values()
        if entry.origin != FEATURE or entry.name in objective.needs
    ]
    return [
        text_table(
            "Terms",
            ("term", "coefficient", "loss", "settings", "reduction"),
            terms_of(objective),
        ),
        text_table(
            "What each loss gets",
            ("loss", "tensor", "bound to", "shape", "from"),
            bindings_of(objective),
        ),
        text_table("Definitions", ("loss", "LaTeX"), definitions_of(objective)),
        text_table("All tensors in scope", ("name", "shape", "from"), tensors),
    ]
