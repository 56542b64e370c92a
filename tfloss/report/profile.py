"""A loss and its gradient while one number of the student's changes: in a terminal or a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from tfloss.errors import UsageError, listed
from tfloss.report.braille import line_plot

FORMATS = ("svg", "png", "pdf")


@dataclass(frozen=True)
class Profile:
    """What a loss says while one number of the student's changes.

    Attributes:
        loss: the loss as a formula writes it.
        varied: which number changes, 'logits' or 'logits[0, 0]'.
        fixed: what the other tensors are, in words.
        x: the values of that number, evenly spaced.
        names: of the lines, what each stands for.
        values: the loss, a sequence for each line.
        slopes: its gradient with respect to that number, the same.
    """

    loss: str
    varied: str
    fixed: str
    x: Sequence[float]
    names: Sequence[str]
    values: Sequence[Sequence[float]]
    slopes: Sequence[Sequence[float]]


def as_text(profile: Profile, *, width: int = 60) -> Text:
    """Both plots below each other, for a terminal."""
    parts = [
        line_plot(title, profile.x, list(zip(profile.names, lines, strict=True)), width=width)
        for title, lines in _panels(profile)
    ]
    return Text("\n\n").join([*parts, Text(f"over {profile.varied}; {profile.fixed}")])


def _panels(profile: Profile) -> tuple[tuple[str, Sequence[Sequence[float]]], ...]:
    return (profile.loss, profile.values), (f"its gradient by {profile.varied}", profile.slopes)


def save(profile: Profile, path: Path) -> None:
    """Both plots side by side, by matplotlib, as SVG, PNG or PDF.

    Raises:
        UsageError: another ending, or a folder that is not there.
    """
    from tfloss.io.atomic import write_whole
    from tfloss.report.plots import line_options
    from tfloss.report.theme import new_panels, save_picture

    check_path(path)
    panels = _panels(profile)
    figure, both = new_panels([title for title, _ in panels], width=8.4, height=3.1)
    for axes, (_, lines) in zip(both, panels, strict=True):
        for number, (name, line) in enumerate(zip(profile.names, lines, strict=True)):
            axes.plot(profile.x, line, label=name, **line_options(number))
        axes.set_xlabel(profile.varied)
    if len(profile.names) > 1:
        both[0].legend(frameon=False, fontsize=8)
    figure.text(0.01, -0.02, profile.fixed, fontsize=8, va="top")
    write_whole(path, lambda temporary: save_picture(figure, temporary))


def check_path(path: Path) -> None:
    """Refuse what cannot be written, before anything is computed."""
    if path.suffix[1:] not in FORMATS:
        raise UsageError(
            f"'{path}' does not tell the picture's format; end it with "
            f"{listed(f'.{ending}' for ending in FORMATS)}."
        )
    if not path.absolute().parent.is_dir():
        raise UsageError(f"There is no folder '{path.parent}' to write '{path.name}' into.")
