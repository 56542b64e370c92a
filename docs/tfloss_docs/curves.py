"""What each loss looks like, computed once: values and gradients, and a call with its result.

What was computed is kept as JSON under the digest of all that it depends on: the loss's module,
its settings, and the code that draws. A second build therefore computes nothing, and does not even
import TensorFlow.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tfloss.registry import Loss

POINTS = 61
_LARGEST_EXAMPLE = 48  # numbers that a page can show
_ROWS = 3
_DRAWN_BY = (
    "tfloss.ops.distributions",
    "tfloss.ops.pairs",
    "tfloss.ops.rows",
    "tfloss.testing.domains",
    "tfloss.testing.inputs",
    "tfloss.testing.profile",
)


@dataclass(frozen=True)
class Line:
    """One curve.

    Attributes:
        setting: what the loss is called with, 'gamma=2'; '' for its defaults alone.
        target: which target, 'labels 1'; '' where there is one only.
        values, slopes: the loss and its gradient, None where one is not finite.
    """

    setting: str
    target: str
    values: list[float | None]
    slopes: list[float | None]


@dataclass(frozen=True)
class Drawn:
    """What is known of a loss by calling it.

    Attributes:
        x: the values of the number that moves.
        varied: its name, 'logits'.
        fixed: what the rest is, in words.
        lines: the curves; none where it cannot be drawn, `refusal` then says why.
        tensors: of an example call, by parameter; empty where they are too large for a page.
        value: what the example call returns.
    """

    x: list[float] = field(default_factory=list)
    varied: str = ""
    fixed: str = ""
    lines: list[Line] = field(default_factory=list)
    tensors: dict[str, Any] = field(default_factory=dict)
    value: Any = None
    refusal: str = ""


def curves_of_all(losses: Mapping[str, Loss], cache: Path) -> dict[str, Drawn]:
    """Everything, from the cache where it is there."""
    cache.mkdir(parents=True, exist_ok=True)
    keys = {name: f"{name}-{_digest(loss)}.json" for name, loss in losses.items()}
    for path in cache.glob("*.json"):
        if path.name not in keys.values():
            path.unlink()
    return {name: _kept(losses[name], cache / key) for name, key in keys.items()}


def _kept(loss: Loss, path: Path) -> Drawn:
    if not path.exists():
        text = json.dumps(asdict(draw(loss)))
        path.write_text(text, encoding="utf-8")
    found = json.loads(path.read_text(encoding="utf-8"))
    return Drawn(**{**found, "lines": [Line(**line) for line in found["lines"]]})


def _digest(loss: Loss) -> str:
    depends = [
        inspect.getsource(sys.modules[loss.function.__module__]),
        *(Path(found.__file__ or "").read_text(encoding="utf-8") for found in _code()),
        loss.name,
    ]
    return hashlib.sha256("\0".join(depends).encode()).hexdigest()[:16]


def _code() -> list[Any]:
    return [importlib.import_module(name) for name in (__name__, *_DRAWN_BY)]


# -- computing -------------------------------------------------------------------------------------


def draw(loss: Loss) -> Drawn:
    """Curves for its default settings and for one setting that changes, and an example call."""
    from tfloss.errors import UsageError
    from tfloss.testing.profile import profile

    tensors, value = _example(loss)
    try:
        first = profile(loss, points=POINTS)
    except UsageError as refusal:
        return Drawn(tensors=tensors, value=value, refusal=str(refusal))
    lines = _lines(first, "")
    # Only where a call is cheap: images, series and waves are drawn once.
    for name, others in _variations(loss) if tensors else ():
        try:
            changed = [(other, profile(loss, {name: other}, points=POINTS)) for other in others]
        except UsageError:
            continue  # it asks for tensors of other shapes
        if all(found.values != first.values for _, found in changed):
            lines = _lines(first, f"{name}={loss.settings[name]:g}")
            for other, found in changed:
                lines += _lines(found, f"{name}={other:g}")
            break
    return Drawn(
        x=[round(x, 4) for x in first.x],
        varied=first.varied,
        fixed=first.fixed,
        lines=lines,
        tensors=tensors,
        value=value,
    )


def _lines(found: Any, setting: str) -> list[Line]:
    several = len(found.names) > 1
    return [
        Line(setting, name if several else "", _plain(values), _plain(slopes))
        for name, values, slopes in zip(found.names, found.values, found.slopes, strict=True)
    ]


def _plain(values: Any) -> list[float | None]:
    """Five digits, None for what is not finite."""
    import math

    return [float(f"{value:.5g}") if math.isfinite(value) else None for value in values]


def _variations(loss: Loss) -> list[tuple[str, list[float]]]:
    """The settings whose value can be changed, each with two others that are allowed."""
    found = []
    for name, default in loss.settings.items():
        if isinstance(default, bool) or not isinstance(default, (int, float)):
            continue
        whole = isinstance(default, int)
        tried: list[float] = [0.1, 0.3, 1, 3] if default == 0 else [
            default / 2, default * 2, (default + 1) / 2, default / 4,
        ]  # fmt: skip
        if whole:
            tried = [int(value) for value in tried if value == int(value)]
        allowed = [v for v in tried if v != default and loss.refusal(name, v) is None]
        if allowed:
            found.append((name, allowed[:2]))
    return found[:2] if loss.per == "example" else []


def _example(loss: Loss) -> tuple[dict[str, Any], Any]:
    """Small tensors to call it on, and what it returns; nothing where they are not small."""
    import numpy as np

    from tfloss.testing.inputs import map_arrays
    from tfloss.testing.results import NotApplicable
    from tfloss.testing.subject import Subject

    if loss.state is not None:
        return {}, None
    subject = Subject(loss)
    try:
        width = subject.width
    except NotApplicable:
        return {}, None
    inputs = subject.moderate(width, _ROWS)
    inputs.pop("sample_weight", None)
    rounded = map_arrays(lambda array: np.round(np.asarray(array, float), 2), inputs)
    if any(isinstance(array, list) for array in rounded.values()):
        return {}, None
    if sum(array.size for array in rounded.values()) > _LARGEST_EXAMPLE:
        return {}, None
    whole = {p.name for p in subject.parameters if p.domain.integer}
    given = {n: a.astype(int) if n in whole else a for n, a in rounded.items()}
    try:
        value = subject.values(given)
    except Exception:
        return {}, None
    if not np.isfinite(value).all():
        return {}, None
    return {n: a.tolist() for n, a in given.items()}, np.round(value.astype(float), 4).tolist()
