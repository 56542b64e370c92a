"""`tfloss new-plugin`."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template

import click

from tfloss import __version__
from tfloss.cli.common import registry_of
from tfloss.errors import UsageError
from tfloss.registry import Declaration, Registry

_KINDS = ("loss", "teacher", "dataset")
_CHECK_STEP = "      - run: tfloss check $name"


@click.command("new-plugin")
@click.argument("name")
@click.option("--kind", type=click.Choice(_KINDS), default="loss", show_default=True)
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    metavar="DIR",
    help="Where its folder goes; default: here.",
)
@click.pass_context
def new_plugin(context: click.Context, name: str, kind: str, into: Path) -> None:
    """Write a complete distribution: a loss, a teacher or a data set called NAME, with its tests.

    It can be installed at once, and its tests pass at once; then put your own in its place.
    """
    _refuse_taken(registry_of(context), name, kind)
    folder = write_plugin(name, kind, into)
    click.echo(
        f"{folder} is a {_in_words(kind)} that works. Next:\n"
        f'  cd {folder}\n  pip install -e ".[test]"\n  pytest'
    )
    if kind == "loss":
        click.echo(f"  tfloss check {_identifier(name)}")


def write_plugin(name: str, kind: str, into: Path) -> Path:
    """Write the distribution 'tfloss-NAME' into a new folder of that name.

    Returns:
        the folder.

    Raises:
        UsageError: a name that cannot be one, or a folder that is there already.
    """
    words = _words(name)
    folder = into / words["distribution"]
    if folder.exists():
        raise UsageError(f"'{folder}' is there already; say another name, or another --into.")
    words["kind"] = _in_words(kind)
    words["check_step"] = Template(_CHECK_STEP).substitute(words) if kind == "loss" else ""
    for path, template in _files(kind, words["module"]).items():
        target = folder / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            text = files("tfloss").joinpath("templates", *template).read_text(encoding="utf-8")
            target.write_text(Template(text).substitute(words).rstrip() + "\n", encoding="utf-8")
        except OSError as error:
            raise UsageError(f"'{target}' cannot be written: {error.strerror}.") from error
    return folder


def _files(kind: str, module: str) -> dict[str, tuple[str, str]]:
    """The files of a distribution, and the template of each."""
    return {
        "pyproject.toml": ("common", "pyproject.toml.in"),
        ".gitignore": ("common", "gitignore.in"),
        ".github/workflows/tests.yml": ("common", "ci.yml.in"),
        "README.md": (kind, "README.md.in"),
        f"{module}.py": (kind, "module.py.in"),
        f"test_{module}.py": (kind, "test_module.py.in"),
    }


def _words(name: str) -> dict[str, str]:
    """What the templates call things."""
    identifier = _identifier(name)
    return {
        "name": identifier,
        "distribution": f"tfloss-{identifier.replace('_', '-')}",
        "module": f"tfloss_{identifier}",
        "tfloss_version": __version__,
    }


def _in_words(kind: str) -> str:
    return "data set" if kind == "dataset" else kind


def _refuse_taken(registry: Registry, name: str, kind: str) -> None:
    """A name that is taken would make the plugin a problem as soon as it is installed."""
    identifier = _identifier(name)
    registered = {**registry.losses, **registry.functions, **registry.reductions}
    by_kind: dict[str, Mapping[str, Declaration]] = {
        "loss": registered,
        "teacher": registry.teachers,
        "dataset": registry.datasets,
    }
    taken = by_kind[kind]
    if identifier in taken:
        other = taken[identifier]
        raise UsageError(
            f"There is a {other.kind} called '{identifier}' already, of {other.distribution}; "
            f"choose another name."
        )


def _identifier(name: str) -> str:
    """'My-Loss' and 'tfloss-my-loss' are 'my_loss'."""
    identifier = name.lower().replace("-", "_").removeprefix("tfloss_")
    if not re.fullmatch(r"[a-z][a-z0-9_]*[a-z0-9]", identifier) or keyword.iskeyword(identifier):
        raise UsageError(
            f"'{name}' cannot be a plugin's name; use letters, digits and dashes, a letter first."
        )
    return identifier
