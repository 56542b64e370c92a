"""The page "Which loss should I use?" as data, and its picture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from tfloss.report.plots import COLOURS
from tfloss_docs.files import Folder

_ROW = re.compile(r"^\| ([^|]+) \| `([^`]+)` \| (.*) \|$")
_SHOWN = 4  # leaves of each question in the picture


@dataclass(frozen=True)
class Choice:
    """A line of the page.

    Attributes:
        answers: what the network answers, the heading.
        symptom: what is special about the data.
        formula: what to write.
        why: in a sentence.
    """

    answers: str
    symptom: str
    formula: str
    why: str


def choices(page: Path) -> list[Choice]:
    """All lines of the page, in its order."""
    found, heading = [], ""
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            heading = line[3:]
        elif (row := _ROW.match(line)) and heading:
            found.append(Choice(heading, *row.groups()))
    return found


def write(folder: Folder, page: Path) -> None:
    """The picture."""
    folder.write("which_loss.svg", picture(choices(page)))


# -- the picture: what does it answer -> what is special -> the formula ---------------------------

_LINE = 24
_GAP = 14
_ROOT_X, _TASK_X, _SYMPTOM_X, _FORMULA_X, _WIDTH = 8, 150, 462, 770, 1110
_TASK_WIDTH = 285


def picture(found: list[Choice]) -> str:
    """A tree from the left to the right; formulas lead to the section of their question."""
    tasks = list(dict.fromkeys(choice.answers for choice in found))
    parts: list[str] = []
    middles: list[float] = []
    top = 12.0
    for number, task in enumerate(tasks):
        leaves = _leaves([choice for choice in found if choice.answers == task])
        height = _LINE * len(leaves)
        middle = top + height / 2
        middles.append(middle)
        parts += _task(task, leaves, top, middle, COLOURS[number % len(COLOURS)])
        top += height + _GAP
    root = middles[len(middles) // 2]
    parts += _root(root, middles)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {top:.0f}" role="img" font-size="12.5" '
        f'style="min-width: 640px" aria-label="Which loss to use, by what the network answers">'
        f"{''.join(parts)}</svg>"
    )


def _leaves(found: list[Choice]) -> list[Choice]:
    """The first few whose formula is short enough to be read in a picture."""
    short = [choice for choice in found if len(choice.formula) <= 42]
    return short[:_SHOWN] or [min(found, key=lambda choice: len(choice.formula))]


def _root(middle: float, middles: list[float]) -> Iterator[str]:
    for other in middles:
        yield _branch(_ROOT_X + 96, middle, _TASK_X, other, "currentColor")
    yield (
        f'<rect x="{_ROOT_X}" y="{middle - 26:.0f}" width="96" height="52" rx="8" '
        f'fill="none" stroke="currentColor" stroke-width="1.5"/>'
        f'<text x="{_ROOT_X + 48}" y="{middle - 4:.0f}" text-anchor="middle" fill="currentColor" '
        f'font-weight="600">Your network</text><text x="{_ROOT_X + 48}" y="{middle + 13:.0f}" '
        f'text-anchor="middle" fill="currentColor" font-weight="600">answers …</text>'
    )


def _task(task: str, leaves: list[Choice], top: float, middle: float, colour: str) -> Iterator[str]:
    anchor = re.sub(r"[^\w\- ]", "", task.lower()).replace(" ", "-")
    yield (
        f'<a href="#{anchor}"><rect x="{_TASK_X}" y="{middle - 15:.0f}" width="{_TASK_WIDTH}" '
        f'height="30" rx="6" fill="{colour}" fill-opacity="0.16" stroke="{colour}"/>'
        f'<text x="{_TASK_X + _TASK_WIDTH / 2}" y="{middle + 4.5:.0f}" text-anchor="middle" '
        f'fill="currentColor" font-weight="600">{escape(task)}</text></a>'
    )
    for number, leaf in enumerate(leaves):
        y = top + _LINE * (number + 0.5)
        yield _branch(_TASK_X + _TASK_WIDTH, middle, _SYMPTOM_X, y, colour)
        symptom = leaf.symptom if len(leaf.symptom) < 46 else leaf.symptom[:44] + "…"
        yield (
            f'<text x="{_SYMPTOM_X + 5}" y="{y + 4:.0f}" fill="currentColor">{escape(symptom)}'
            f'</text><a href="#{anchor}"><text x="{_FORMULA_X}" y="{y + 4:.0f}" fill="{colour}" '
            f'font-family="monospace" font-weight="600">{escape(leaf.formula)}</text></a>'
        )


def _branch(x: float, y: float, to_x: float, to_y: float, colour: str) -> str:
    half = (x + to_x) / 2
    return (
        f'<path d="M{x:.0f} {y:.0f}C{half:.0f} {y:.0f} {half:.0f} {to_y:.0f} {to_x:.0f} '
        f'{to_y:.0f}" fill="none" stroke="{colour}" stroke-opacity="0.55"/>'
    )
