"""What is logged next to the terms: weights, multipliers, gradients and their cosines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tfloss.report import plots

_TITLES = {
    "weight": ("Weights while training", "What a balance multiplies each term with."),
    "multiplier": (
        "Multipliers while training",
        "What a constraint multiplies its violation with.",
    ),
    "violation": ("Violations while training", "Above 0 a constraint does not hold."),
    "gradient": (
        "Gradients while training",
        "The Euclidean norm of each weighted term's gradient by the trainable weights.",
    ),
    "cosine": (
        "Cosines of gradients while training",
        "Of every two terms; below 0 they pull against each other.",
    ),
}

Section = tuple[str, str, list[str], list[str]]  # title, text, figures, names of the lines


def logged_sections(
    labels: Sequence[str], logged: Sequence[Mapping[str, Any]]
) -> Iterator[Section]:
    """A section for each kind of value, with a figure for each run.

    Args:
        labels: of the runs.
        logged: their curves, as `tfloss.report.losses.curves_of` makes them.
    """
    kinds = dict.fromkeys(_kind(name) for one in logged for name in _names(one))
    for kind in kinds:
        names = list(
            dict.fromkeys(name for one in logged for name in _names(one) if _kind(name) == kind)
        )[: plots.MOST]
        figures = []
        for label, one in zip(labels, logged, strict=True):
            lines = [
                (style, one["steps"], one["train"][name])
                for style, name in enumerate(names)
                if name in one["train"]
            ]
            if lines and len(one["steps"]) > 1:
                figures.append(plots.curves(label, lines))
        title, text = _TITLES.get(kind, (f"{kind.capitalize()} while training", ""))
        yield title, text, figures, names


def _names(one: Mapping[str, Any]) -> Iterator[str]:
    return (name for name in one["train"] if name != "total")


def _kind(name: str) -> str:
    return name.partition("(")[0]
