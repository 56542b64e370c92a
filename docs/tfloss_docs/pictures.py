"""Curves as SVG in the colours of the page, written out: matplotlib would take a minute for all."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

from tfloss.report.plots import line_style
from tfloss_docs.curves import Drawn, Line

Values = Sequence[float | None]

_WIDTH, _HEIGHT = 340, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 22, 34
_DASHES = ("", "6 3", "2 2", "8 3 2 3")


def curves(name: str, drawn: Drawn) -> str:
    """The loss and its gradient side by side, below each other on a phone."""
    settings = list(dict.fromkeys(line.setting for line in drawn.lines))
    targets = list(dict.fromkeys(line.target for line in drawn.lines))
    panels = [
        _panel(title, drawn, [_styled(line, values, settings, targets) for line, values in lines])
        for title, lines in (
            ("value", [(line, line.values) for line in drawn.lines]),
            (f"gradient by {drawn.varied}", [(line, line.slopes) for line in drawn.lines]),
        )
    ]
    legend = "".join(_legend(settings, targets))
    label = escape(f"{name} and its gradient over {drawn.varied}", quote=True)
    return (
        f'<div class="curves" role="img" aria-label="{label}">{"".join(panels)}</div>'
        f'<p class="legend">{legend}<span>over {escape(drawn.varied)}; '
        f"{escape(drawn.fixed)}</span></p>"
    )


def thumbnail(drawn: Drawn) -> str:
    """The values alone, without axes, small."""
    settings = list(dict.fromkeys(line.setting for line in drawn.lines))
    targets = list(dict.fromkeys(line.target for line in drawn.lines))
    low, high = _ends([line.values for line in drawn.lines])
    paths = "".join(
        _path(drawn.x, line.values, (drawn.x[0], drawn.x[-1], low, high), (0, 2, 120, 56), style)
        for line, style in ((line, _style(line, settings, targets)) for line in drawn.lines)
    )
    return f'<svg viewBox="0 0 120 60" aria-hidden="true">{paths}</svg>'


def _styled(
    line: Line, values: Values, settings: list[str], targets: list[str]
) -> tuple[Values, str]:
    return values, _style(line, settings, targets)


def _style(line: Line, settings: list[str], targets: list[str]) -> str:
    """Colours tell settings apart and dashes targets; where there is one setting, both do."""
    target = targets.index(line.target)
    colour = settings.index(line.setting) if len(settings) > 1 else target
    dashes = _DASHES[target % len(_DASHES)]
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'stroke="{line_style(colour)[0]}"{dashed}'


def _legend(settings: list[str], targets: list[str]) -> Iterator[str]:
    for number, setting in enumerate(settings if len(settings) > 1 else ()):
        yield _key(f'stroke="{line_style(number)[0]}"', setting)
    for number, target in enumerate(targets if len(targets) > 1 else ()):
        colour = line_style(number)[0] if len(settings) == 1 else "currentColor"
        dashes = _DASHES[number % len(_DASHES)]
        yield _key(f'stroke="{colour}" stroke-dasharray="{dashes}"', target)


def _key(style: str, text: str) -> str:
    return (
        f'<span><svg viewBox="0 0 24 8" width="24" height="8" aria-hidden="true">'
        f'<path d="M0 4H24" fill="none" stroke-width="2" {style}/></svg> {escape(text)}</span>'
    )


def _panel(title: str, drawn: Drawn, lines: list[tuple[Values, str]]) -> str:
    low, high = _ends([values for values, _ in lines])
    first, last = drawn.x[0], drawn.x[-1]
    box = (_LEFT, _TOP, _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM)
    span = (first, last, low, high)
    paths = "".join(_path(drawn.x, values, span, box, style) for values, style in lines)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" aria-hidden="true">'
        f'<text x="{_LEFT}" y="13" class="title">{escape(title)}</text>'
        f"{''.join(_ticks(span, box))}{paths}"
        f'<text x="{box[0] + box[2] / 2:.0f}" y="{_HEIGHT - 4}" text-anchor="middle">'
        f"{escape(drawn.varied)}</text></svg>"
    )


def _ends(lines: Sequence[Values]) -> tuple[float, float]:
    """The lowest and the highest value, apart from each other."""
    finite = [value for line in lines for value in line if value is not None]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    if high - low < 1e-6 * max(abs(high), 1e-6):
        return low - 0.5, high + 0.5
    return low, high


Span = tuple[float, float, float, float]


def _place(x: float, y: float, span: Span, box: Span) -> tuple[float, float]:
    first, last, low, high = span
    left, top, width, height = box
    return (
        left + width * (x - first) / (last - first),
        top + height * (1 - (y - low) / (high - low)),
    )


def _path(xs: Sequence[float], values: Values, span: Span, box: Span, style: str) -> str:
    """A line that is broken where a value is not finite."""
    pieces, pen = [], "M"
    for x, y in zip(xs, values, strict=True):
        if y is None:
            pen = "M"
            continue
        across, down = _place(x, y, span, box)
        pieces.append(f"{pen}{across:.1f} {down:.1f}")
        pen = "L"
    return f'<path d="{"".join(pieces)}" fill="none" stroke-width="1.8" {style}/>'


def _ticks(span: Span, box: Span) -> Iterator[str]:
    first, last, low, high = span
    left, top, width, height = box
    bottom = top + height
    yield f'<path class="axis" d="M{left} {top}V{bottom}H{left + width}"/>'
    for y in _round_numbers(low, high, 4):
        down = _place(first, y, span, box)[1]
        yield f'<path class="grid" d="M{left} {down:.1f}h{width}"/>'
        yield f'<text x="{left - 5}" y="{down + 3:.1f}" text-anchor="end">{y:g}</text>'
    for x in _round_numbers(first, last, 5):
        across = _place(x, low, span, box)[0]
        yield f'<text x="{across:.1f}" y="{bottom + 13}" text-anchor="middle">{x:g}</text>'


def _round_numbers(low: float, high: float, about: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten within the ends."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough)
    start = math.ceil(low / step - 1e-9)
    end = math.floor(high / step + 1e-9)
    return [float(f"{number * step:.6g}") + 0.0 for number in range(start, end + 1)]
