"""The article's claims, as tables in Markdown: three draws of rows, and a grid of settings.

    python -m tests.benchmarks.claims draws FOLDER [--seeds 200]
    python -m tests.benchmarks.claims grid FOLDER [--seeds 200]

draws   three terms against plain cross-entropy on unseen holdouts, on the article's own rows, and
        on rows drawn as the article draws them, with other seeds
grid    the article's term at two rates, two scalings, two ways to draw initial weights and two ways
        to draw rows

Each comparison is one `tfloss compare`, whose command is printed above its table; what FOLDER holds
already is not trained again. A difference is bold where its 95 % interval leaves out 0 and its p,
corrected by Holm for all of that command, is below 0.05.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

METRICS = {
    "accuracy": "accuracy", "f1": "F1", "log_loss": "log-loss", "ece": "ECE",
    "mean_entropy": "mean entropy",
}  # fmt: skip
AS_DRAWN = ("--no-stratify", "--bootstrap", "--leak", "overlap", "--leak", "scaling")
DRAWS = {
    "honest": ("--recipe", "article"),
    "own": ("--recipe", "article_leaky"),
    "drawn": ("--recipe", "article", *AS_DRAWN),
}
TERMS = ("bce", "bce + 0.1*abs_kl", "bce + 0.1*binary_kl", "bce + 0.1*kd")
GOALS = (0.7, 0.8, 0.85, 0.9)
NORMAL = (
    "mlp(10, 10, kernel_initializer=random_normal(stddev=1), "
    "bias_initializer=random_normal(stddev=1))"
)


def results_of(folder: Path, arguments: Sequence[str]) -> dict[str, Any]:
    """The results of a comparison, trained where `folder` does not hold them."""
    from tfloss.cli.main import main

    print("\n    tfloss compare " + shlex.join(arguments) + "\n", flush=True)
    if not list(folder.glob("compare-*/results.json")):
        try:
            main(["compare", *arguments, "--quiet", "--runs", str(folder)])
        except SystemExit as leaving:
            if leaving.code:
                raise
    (path,) = folder.glob("compare-*/results.json")
    return json.loads(path.read_text(encoding="utf-8"))


def row(*cells: str) -> None:
    """One line of a table."""
    print("| " + " | ".join(cells) + " |", flush=True)


def head(*names: str) -> None:
    row(*names)
    row("---", *("---:" for _ in names[1:]))


def figure(found: Mapping[str, Any], digits: int) -> str:
    """A difference with its interval, bold where it is shown."""
    one = found["difference"]
    text = f"{one['mean']:+.{digits}f} [{one['low']:+.{digits}f}, {one['high']:+.{digits}f}]"
    return f"**{text}**" if found["significant"] else text


def draws(options: argparse.Namespace) -> None:
    """The tables of each draw."""
    for name, draw in DRAWS.items():
        goals = [part for goal in GOALS for part in ("--reach", f"accuracy={goal}")]
        length = ("--epochs", "4000", "--evaluate-every", "20", "--at", "200", "--at", "1000")
        arguments = [*TERMS, *draw, *length, "--seeds", str(options.seeds), *goals]
        results = results_of(options.folder / name, arguments)
        print(
            f"{len(results['seeds'])} seeds, {results['tables'][0]['comparisons']} comparisons.\n"
        )
        _metrics(results)
        _goals(results)


def _metrics(results: Mapping[str, Any]) -> None:
    head("step", "", *METRICS.values())
    for teacher in results["teachers"].values():
        row("", "teacher alone", *(f"{teacher['metrics'][name]['mean']:.3f}" for name in METRICS))
    for table in results["tables"]:
        found = {(one["formula"], one["metric"]): one for one in table["rows"]}
        for formula in results["formulas"]:
            cells = [found[formula, name] for name in METRICS]
            texts = [
                figure(one, 3) if "difference" in one else f"{one['mean']['mean']:.3f}"
                for one in cells
            ]
            row(f"{table['step']:,}", f"`{formula.removeprefix('bce + ')}`", *texts)


def _goals(results: Mapping[str, Any]) -> None:
    """Steps to a goal; a training that never reaches it counts with all its steps."""
    print()
    head("accuracy", "", "reached", "steps", "minus `bce`", "sooner")
    for one in results["tables"][-1]["reach"]:
        apart = "difference" in one
        row(
            one["goal"].removeprefix("accuracy="),
            f"`{one['formula'].removeprefix('bce + ')}`",
            f"{one['reached']['mean']:.0%}".replace("%", " %"),
            f"{one['steps']['mean']:,.0f}",
            figure(one, 0) if apart else "",
            f"{one['win_rate']['mean']:.0%}".replace("%", " %") if apart else "",
        )


def settings() -> Iterator[tuple[str, list[str]]]:
    """Each place of the grid: its folder's name, and its options."""
    ways = product(("0.05", "0.5"), ("minmax", "standard"), ("own", "normal"), ("honest", "drawn"))
    for rate, scale, initial, draw in ways:
        options = ["--optimizer", f"sgd:learning_rate={rate}", "--scale", scale]
        options += ["--model", NORMAL] if initial == "normal" else []
        yield (
            f"{rate}-{scale}-{initial}-{draw}",
            options + list(AS_DRAWN if draw == "drawn" else ()),
        )


def grid(options: argparse.Namespace) -> None:
    """One line for each place of the grid and each length."""
    found = {}
    for name, own in settings():
        length = ("--epochs", "1000", "--evaluate-every", "1000", "--at", "200")
        arguments = [*TERMS[:2], "--recipe", "article", *own, *length]
        found[name] = results_of(options.folder / name, [*arguments, "--seeds", str(options.seeds)])
    head("rate", "scaling", "weights", "rows", "step", "`bce`", "accuracy", "log-loss", "entropy")
    for name, results in found.items():
        for table in results["tables"]:
            rows = {(one["formula"], one["metric"]): one for one in table["rows"]}
            plain = rows["bce", "accuracy"]["mean"]["mean"]
            cells = [figure(rows[TERMS[1], m], 3) for m in ("accuracy", "log_loss", "mean_entropy")]
            row(*name.split("-"), f"{table['step']:,}", f"{plain:.3f}", *cells)


def main() -> None:
    """Read the options and print what was asked for."""
    every = {"draws": draws, "grid": grid}
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=list(every))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=200)
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    every[options.what](options)


if __name__ == "__main__":
    main()
