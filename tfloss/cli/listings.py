"""The commands that list what there is; none of them imports TensorFlow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from tfloss.cli import completions
from tfloss.cli.common import print_tables, registry_of
from tfloss.registry import (
    Balance,
    Dataset,
    Declaration,
    Function,
    Metric,
    Model,
    Recipe,
    Reduction,
    Registry,
    Schedule,
    Teacher,
    Tracker,
)
from tfloss.report.catalogue import call_of, rules_of


def describe(declaration: Declaration, more: Iterable[str] = ()) -> None:
    """A page about one declaration; `more` is what its kind adds."""
    click.echo(f"{declaration.name}{call_of(declaration)}\n")
    click.echo(declaration.description)
    for line in more:
        click.echo(line)
    rules = rules_of(declaration)
    if rules:
        click.echo(f"Settings: {'; '.join(rules)}")
    if declaration.distribution:
        click.echo(f"From: {declaration.distribution}, plugin '{declaration.plugin}'")


def _list(title: str, declarations: list[Any], columns: tuple[str, ...], row: Any) -> None:
    from rich.markup import escape

    from tfloss.report.tables import text_table

    rows = [tuple(map(escape, row(d))) for d in declarations]
    print_tables([text_table(title, columns, rows)])


@click.command()
@click.argument("name", required=False)
@click.pass_context
def functions(context: click.Context, name: str | None) -> None:
    """List what stands in formulas next to losses, or describe the one called NAME.

    Functions, reductions, schedules, and balances, which weigh terms against each other.
    """
    registry = registry_of(context)
    kinds = (Function, Reduction, Schedule, Balance)
    every = [d for kind in kinds for d in registry.all(kind).values()]  # type: ignore[type-abstract]
    if name is not None:
        matching = [d for d in every if d.name == name]
        for declaration in matching or [registry.get(Function, name)]:
            describe(declaration)
        return
    _list(
        "Functions",
        every,
        ("name", "kind", "stands", "what it is"),
        lambda d: (d.name, d.kind, _stands(d), d.summary),
    )


def _stands(declaration: Declaration) -> str:
    on = getattr(declaration, "on", "losses")
    if isinstance(declaration, Schedule):
        return "as a coefficient"
    if isinstance(declaration, Balance):
        return "around a term" if declaration.is_constraint else "around terms"
    return {"both": "anywhere", "losses": "between losses", "tensors": "inside arguments"}[on]


def _label(declaration: Declaration) -> tuple[str, ...]:
    return (declaration.label or declaration.name,) if isinstance(declaration, Metric) else ()


def _simple(
    kind: type[Declaration], plural: completions.Kind, title: str, text: str
) -> click.Command:
    """A command that lists a kind and describes one of it."""

    @click.command(help=text)
    @click.argument("name", required=False, shell_complete=completions.names_of(plural))
    @click.pass_context
    def command(context: click.Context, name: str | None) -> None:
        registry = registry_of(context)
        if name is not None:
            describe(registry.get(kind, name))
            return
        _list(
            title,
            list(registry.all(kind).values()),
            ("name", *(["in tables"] if kind is Metric else []), "from", "what it is"),
            lambda d: (d.name, *_label(d), d.distribution, d.summary),
        )

    return command


@click.command()
@click.argument("name", required=False, shell_complete=completions.names_of("teachers"))
@click.option(
    "--all", "every", is_flag=True, help="Every estimator of scikit-learn, by its class name."
)
@click.pass_context
def teachers(context: click.Context, name: str | None, every: bool) -> None:
    """List the teachers and what each can do, or describe the one called NAME.

    NAME can also be the name of a class, RandomForestRegressor for example.
    """
    registry = registry_of(context)
    if name is not None:
        _teacher_page(name, registry)
    elif every:
        from tfloss.teachers import about_all

        _list(
            "scikit-learn's estimators as teachers",
            about_all(registry),
            ("teacher", "answers with", "needs", "remarks"),
            lambda about: (about.name, about.answers, ", ".join(about.needs), about.reason),
        )
    else:
        _list(
            "Teachers",
            list(registry.teachers.values()),
            ("teacher", "answers with", "estimator", "what it is"),
            lambda d: (d.name, d.answers, d.estimator.rpartition(".")[2], d.summary),
        )
        click.echo("Also: a class name (--all lists them), FILE.skops, FILE.keras, column:NAME,")
        click.echo("package.module:object.")


def _teacher_page(name: str, registry: Registry) -> None:
    """What is known of a teacher without fitting it."""
    from tfloss.teachers import about_teacher, options_text

    declaration = registry.get(Teacher, name)
    if declaration.layers or not (declaration.estimator or declaration.distribution):
        describe(declaration)
        return
    about = about_teacher(name, registry)
    click.echo(f"{about.name}: {about.estimator}\n")
    click.echo(declaration.description)
    how = {"calibrated": "answers with calibrated probabilities", "refused": "cannot teach"}
    click.echo(f"\nFor {about.task}; {how.get(about.answers, f'answers with {about.answers}')}.")
    if about.reason:
        click.echo(about.reason)
    if declaration.cost is not None:
        classes = 0 if about.task == "regression" else 2
        figures = (f"{rows} rows: {declaration.cost(rows, classes):.1f} s" for rows in (1000, 4000))
        click.echo(f"Fitting once takes about: {', '.join(figures)}.")
    click.echo(f"Must be given: {', '.join(about.needs) or 'nothing'}")
    settings = ", ".join(f"{key}={value!r}" for key, value in about.settings.items())
    click.echo(f"Settings: {settings or 'none'}")
    click.echo(f"Of every teacher: {options_text()}")
    if declaration.distribution:
        click.echo(f"From: {declaration.distribution}, plugin '{declaration.plugin}'")


datasets = _simple(
    Dataset, "datasets", "Data sets", "List the data sets, or describe the one called NAME."
)
models = _simple(Model, "models", "Models", "List the models, or describe the one called NAME.")
metrics = _simple(
    Metric, "metrics", "Metrics", "List the metrics, or describe the one called NAME."
)
recipes = _simple(
    Recipe, "recipes", "Recipes", "List the recipes, or describe the one called NAME."
)
trackers = _simple(
    Tracker, "trackers", "Trackers", "List the trackers, or describe the one called NAME."
)
