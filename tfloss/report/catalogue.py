"""The losses of a registry as a catalogue: by family, each with its formula, source and example.

For `tfloss losses`, and for the pages of the site (docs/tfloss_docs).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from tfloss.formula import to_text
from tfloss.registry import Loss, load_registry

# The order of the page; a plugin's own families follow by name.
_ORDER = (
    "classification", "multi_label", "segmentation", "boxes", "regression", "robust", "likelihood",
    "forecasting", "survival", "sequences", "images", "registration", "audio", "divergence",
    "distillation", "preference", "representation", "self_supervised", "ranking", "penalty",
    "calibration", "fairness", "physics", "expressions",
)  # fmt: skip


def family_of(loss: Loss) -> str:
    """What it declares, else the module that it stands in."""
    return loss.family or loss.function.__module__.rpartition(".")[2]


def by_family(losses: Iterable[Loss]) -> dict[str, list[Loss]]:
    """Losses by family, in the catalogue's order, each family by name."""
    families: dict[str, list[Loss]] = {}
    for loss in sorted(losses, key=lambda loss: loss.name):
        families.setdefault(family_of(loss), []).append(loss)

    def place(family: str) -> tuple[int, str]:
        return (_ORDER.index(family) if family in _ORDER else len(_ORDER), family)

    return {family: families[family] for family in sorted(families, key=place)}


def source_of(loss: Loss) -> str:
    """What the docstring says behind 'Source:', in one line; '' where it says nothing."""
    return _behind(r"[Ss]ources?", loss)


def conventions_of(loss: Loss) -> str:
    """Where papers and their authors' code differ, which it follows: behind 'Conventions:'."""
    return _behind("Conventions", loss)


def _behind(word: str, loss: Loss) -> str:
    """A docstring's paragraph from a word on, in one line."""
    found = re.search(rf"\b{word}:\s*(.*?)(\n\n|\Z)", loss.description, re.DOTALL)
    return " ".join(found[1].split()) if found else ""


def example_of(loss: Loss) -> str:
    """A formula that it stands in: as declared, else with its first setting written out."""
    if loss.example:
        return loss.example
    for name, value in loss.settings.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return to_text(loss.term(**{name: value}))
    return loss.name


def properties_of(loss: Loss) -> str:
    """What it declares of its values."""
    low, high = (
        f"{limit:g}" if limit is not None else infinite
        for limit, infinite in zip(loss.range, ("-inf", "inf"), strict=True)
    )
    said = [f"one value per {loss.per}", f"range {low} to {high}"]
    if loss.zero_at_optimum:
        said.append("zero at the optimum")
    if loss.symmetric:
        said.append("symmetric")
    if loss.kinks:
        said.append(f"kinks where {', '.join(loss.kinks)}")
    if loss.state is not None:
        said.append("holds variables")
    return "; ".join(said)


def call_of(declaration: Any) -> str:
    """Tensors, optional ones in brackets, and settings with their defaults, in parentheses."""
    signature = declaration.signature
    pieces = [*signature.required, *(f"[{name}]" for name in signature.optional)]
    pieces += [f"{name}={default}" for name, default in signature.settings.items()]
    return f"({', '.join(pieces)})" if pieces else ""


def rules_of(declaration: Any) -> list[str]:
    """The values that each setting may take, where they are declared: 'gamma ≥ 0'."""
    signature = declaration.signature
    said = ((name, str(signature.rules.get(name, ""))) for name in signature.settings)
    return [f"{name} {_worded(rule)}" for name, rule in said if rule]


def _worded(rule: str) -> str:
    return f"in {rule}" if rule[0] in "([" else rule


def built_in() -> dict[str, Loss]:
    """The losses of tfloss' own distribution."""
    return {
        name: loss
        for name, loss in load_registry().losses.items()
        if loss.distribution.partition(" ")[0] == "tfloss"
    }
