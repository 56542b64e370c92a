"""Matplotlib figures as SVG to stand in a page: transparent, of the page's colour and fonts."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from tfloss.display import inert

INK = "#010203"  # stands for the colour of the page's text, and is replaced by it

WIDTH, HEIGHT = 3.7, 2.45  # inches; on a screen a third of a desk's width, or a phone's whole
_numbers = itertools.count(1)

_STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 8.5,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlesize": 9.5,
    "axes.titlepad": 8,
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "axes.grid": True,
    "grid.color": INK,
    "grid.alpha": 0.13,
    "grid.linewidth": 0.5,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.hashsalt": "tfloss",  # the same figure gives the same text
    "figure.dpi": 120,
}


def new_figure(
    title: str, *, width: float = WIDTH, height: float = HEIGHT, rows: int = 1
) -> tuple[Any, Any]:
    """A figure without pyplot, which would keep it and look for a display; several axes for rows.

    All figures of a size have the same size on the page: the layout is made within it.
    """
    import matplotlib

    with matplotlib.rc_context(_STYLE):
        figure = _figure(width, height)
        axes = figure.subplots(rows, sharex=True)
        _entitle(axes if rows == 1 else axes[0], title)
    return figure, axes


def new_panels(
    titles: Sequence[str], *, width: float = WIDTH, height: float = HEIGHT
) -> tuple[Any, list[Any]]:
    """A figure with axes side by side, one for each title."""
    import matplotlib

    with matplotlib.rc_context(_STYLE):
        figure = _figure(width, height)
        panels = list(figure.subplots(1, len(titles), squeeze=False)[0])
        for axes, title in zip(panels, titles, strict=True):
            _entitle(axes, title)
    return figure, panels


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02)
    return Figure(figsize=(width, height), layout=layout)


def _entitle(axes: Any, title: str) -> None:
    axes.set_title(plain_label(title))


def plain_label(text: str) -> str:
    """A name for a figure, in which a dollar begins no mathematics."""
    return inert(text).replace("$", r"\$")


def save_picture(figure: Any, path: Path) -> None:
    """The figure as a file that stands alone, in the format that its ending names."""
    import matplotlib

    with matplotlib.rc_context(_STYLE):
        figure.savefig(path, bbox_inches="tight", dpi=150)


def as_svg(figure: Any, label: str) -> str:
    """The figure as an `<svg>` element with a label for those who do not see it."""
    import matplotlib

    stream = io.StringIO()
    with matplotlib.rc_context(_STYLE):
        figure.savefig(
            stream,
            format="svg",
            transparent=True,
            metadata={"Date": None, "Creator": None},
            dpi=130,
        )
    text = re.sub(r'\bd="[^"]*"', _coarser, stream.getvalue())
    return _embedded(text, label)


def _coarser(path: re.Match[str]) -> str:
    """Tenths of a point are as fine as a screen."""
    return re.sub(r"(\d\.\d)\d+", r"\1", path[0])


def _embedded(text: str, label: str) -> str:
    """Without prologue, metadata and fonts; names unique in the page; ink as `currentColor`."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r' transform="rotate\(-?0 [^"]*"', "", text)
    text = re.sub(r" ?font-family: [^;\"]*;?", "", text)  # the page's
    text = re.sub(r"font: ([0-9.]+px)[^;\"]*", r"font-size: \1", text)
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text))
    prefix = f"s{next(_numbers)}-"
    text = re.sub(r' id="([^"]*)"', lambda m: f' id="{prefix}{m[1]}"' if m[1] in used else "", text)
    text = text.replace("url(#", f"url(#{prefix}").replace('href="#', f'href="#{prefix}')
    text = text.replace(INK, "currentColor")
    text = re.sub(r' ([xy])="(-?\d+\.\d)\d+"', r' \1="\2"', text)
    text = re.sub(r"\s*\n\s*", "\n", text)
    title = escape(label, quote=True)
    return text.replace("<svg", f'<svg role="img" aria-label="{title}"', 1).strip()


def math_svg(latex: str) -> str:
    """LaTeX as SVG by matplotlib's own mathematics, or '' where it knows a command not.

    The size is in `em`, so it follows the text around it.
    """
    import matplotlib
    from matplotlib.figure import Figure

    source = _simplified(latex)
    stream = io.StringIO()
    size = 12.0
    with matplotlib.rc_context({"svg.fonttype": "path", "mathtext.fontset": "cm"}):
        figure = Figure(figsize=(0.01, 0.01))
        figure.text(0, 0, f"${source}$", fontsize=size, color=INK)
        try:
            figure.savefig(
                stream, format="svg", transparent=True, bbox_inches="tight", pad_inches=0.02,
                metadata={"Date": None, "Creator": None},
            )  # fmt: skip
        except ValueError:
            return ""
    text = _embedded(stream.getvalue(), latex)

    def in_em(match: re.Match[str]) -> str:
        return f'{match[1]}="{float(match[2]) / size:.2f}em"'

    return re.sub(r'\b(width|height)="([0-9.]+)pt"', in_em, text, count=2)


def _simplified(latex: str) -> str:
    """Commands that mathtext lacks, by those that it has."""
    latex = re.sub(r"\\(textstyle|displaystyle)(?![a-zA-Z])\s*", "", latex)
    for command, other in (
        (r"\texttt", r"\mathtt"),
        (r"\text", r"\mathrm"),
        (r"\lVert", r"\Vert"),
        (r"\rVert", r"\Vert"),
        (r"\tfrac", r"\frac"),
        (r"\dfrac", r"\frac"),
        (r"\operatorname", r"\mathrm"),
        (r"\left|", r"|"),
        (r"\right|", r"|"),
    ):
        latex = latex.replace(command, other)
    latex = re.sub(r"\\(le|ge|ne)(?![a-zA-Z])", r"\\\1q", latex)
    latex = re.sub(r"\\[bB]igg?[lr]?(?![a-zA-Z])", "", latex)
    latex = re.sub(r"\\(mathcal|overline)\s*(\\[a-zA-Z]+|[a-zA-Z])", r"\\\1{\2}", latex)
    return _with_braces(latex)


_PIECE = re.compile(r"\s*(\\[a-zA-Z]+|[^\\{}\s])")


def _with_braces(latex: str) -> str:
    r"""`\frac1{2k}`, `\frac\alpha n` with the braces that mathtext asks for."""
    start = latex.find(r"\frac")
    if start < 0:
        return latex
    head, rest = latex[: start + 5], latex[start + 5 :]
    arguments = []
    for _ in range(2):
        piece = _PIECE.match(rest)
        end = piece.end() if piece else _closing(rest)
        inner = piece[1] if piece else rest[:end].strip()[1:-1]
        arguments.append("{" + _with_braces(inner) + "}")
        rest = rest[end:]
    return head + "".join(arguments) + _with_braces(rest)


def _closing(text: str) -> int:
    """Behind the brace that closes the first one."""
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if character == "}" and depth == 0:
            return place + 1
    return len(text)
