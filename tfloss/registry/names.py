"""Losses as attributes, so that a shell or an editor completes their names."""

from __future__ import annotations

from collections.abc import Iterator

from tfloss.errors import did_you_mean
from tfloss.registry.declarations import Loss
from tfloss.registry.registry import load_registry


class Losses:
    """The installed losses by name: `tfloss.losses.abs_kl`, each with its signature and help.

    Formulas are built of them with operators, and settings are given by `term`:

        0.5 * tfloss.losses.bce + tfloss.losses.kd.term(temperature=4)
    """

    def __getattr__(self, name: str) -> Loss:
        if name.startswith("_"):
            raise AttributeError(name)
        known = load_registry().losses
        if name not in known:
            raise AttributeError(f"There is no loss called '{name}'.{did_you_mean(name, known)}")
        return known[name]

    def __dir__(self) -> list[str]:
        return sorted(load_registry().losses)

    def __iter__(self) -> Iterator[str]:
        return iter(dir(self))

    def __repr__(self) -> str:
        return f"<{len(dir(self))} losses: dir(tfloss.losses) lists them>"


losses = Losses()
