"""What may be said about a difference: as much as its interval and its corrected test allow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CERTAIN = 0.05
NEVER = 2**31 - 1  # the step of a training that was trained alone, which is not known
_NAMED = 10  # seeds in a sentence


def verdict(difference: Mapping[str, Any], p: float) -> str:
    """'up', 'down' or '' where neither is shown: interval and corrected test must both say so."""
    if not p < CERTAIN:
        return ""
    if difference["low"] > 0:
        return "up"
    return "down" if difference["high"] < 0 else ""


def describe(row: Mapping[str, Any], label: str, better: str | None) -> str:
    """One row of a table in words, about its formula against the baseline."""
    difference = row["difference"]
    win_rate = row["win_rate"]
    between = f"{_signed(difference['low'])} to {_signed(difference['high'])}"
    if row.get("below_constant"):
        return (
            f"{label}: nothing is better, since both are no better than a constant prediction "
            f"({between})."
        )
    if not row["significant"]:
        return f"{label}: no difference shown ({between}, corrected p {p_text(row['p_holm'])})."
    size = f"{abs(difference['mean']):.3g}"
    how = _direction(row["significant"], better)
    text = f"{label}: {how} by {size} ({between}, corrected p {p_text(row['p_holm'])})"
    if better is None:
        return text + "."
    return text + f", better on {100 * win_rate['mean']:.0f} % of {win_rate['count']} seeds."


def describe_reach(row: Mapping[str, Any]) -> str:
    """The steps to a goal in words, against the baseline."""
    difference = row["difference"]
    between = f"{_signed(difference['low'])} to {_signed(difference['high'])}"
    if not row["significant"]:
        return (
            f"{row['goal']}: no difference in steps shown ({between} steps, corrected p "
            f"{p_text(row['p_holm'])})."
        )
    how = "sooner" if row["significant"] == "down" else "later"
    size = f"{abs(difference['mean']):.3g}"
    return f"{row['goal']}: {how} by {size} steps ({between})."


def describe_scope(results: Mapping[str, Any]) -> str:
    """What the intervals are about."""
    seeds, data = len(results["seeds"]), results["data"]["name"]
    return (
        f"Intervals hold 95 % and are over {seeds} seeds: other splits of {data}, initial weights "
        f"and orders. They say nothing about other data."
    )


def describe_diverged(results: Mapping[str, Any]) -> list[str]:
    """How many trainings of each formula stopped being finite, and of which seeds."""
    total = len(results["seeds"])
    nothing: list[list[int]] = [[]] * len(results["formulas"])
    known = results.get("diverged_seeds") or nothing
    steps = results.get("diverged_steps") or nothing
    sentences = []
    for formula, count, seeds, bad in zip(
        results["formulas"], results["diverged"], known, steps, strict=True
    ):
        if count:
            places = zip(seeds[:_NAMED], [*bad, *[NEVER] * len(seeds)], strict=False)
            which = ", ".join(
                f"{seed}" if step == NEVER else f"{seed} at step {step}" for seed, step in places
            )
            more = f" and {len(seeds) - _NAMED} more" if len(seeds) > _NAMED else ""
            named = f" (seed{'s' if len(seeds) > 1 else ''} {which}{more})" if seeds else ""
            sentences.append(
                f"{count} of {total} trainings of '{formula}' stopped being finite and are left "
                f"out{named}."
            )
    return sentences


def _direction(shown: str, better: str | None) -> str:
    if better is None:
        return "higher" if shown == "up" else "lower"
    return "better" if (shown == "up") == (better == "higher") else "worse"


def p_text(p: float) -> str:
    """'0.012', or '< 0.001'."""
    return "< 0.001" if p < 0.001 else f"{p:.2g}"


def _signed(value: float) -> str:
    return f"{value:+.3g}"
