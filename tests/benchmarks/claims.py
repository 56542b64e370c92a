"""The article's claims over data sets, sizes, lengths and coefficients, as tables in Markdown.

    python -m tests.benchmarks.claims sizes --data wine --rows 5 20 100 [--seeds 200]
    python -m tests.benchmarks.claims leaks --rows 5 100 [--seeds 200]
    python -m tests.benchmarks.claims control --rows 5 100 [--seeds 200]

sizes   every formula against the plain cross-entropy, after 200, 1,000 and 4,000 steps
leaks   the same training on rows that were drawn with replacement, on a holdout that overlaps the
        training rows, and scaled by all rows: what each is worth to the figures, and to the claim
control each term with the article's teacher against the same term with one that knows nothing but
        the shares of the classes

Each comparison is one `tfloss compare`, whose command is printed above its table. A difference is
bold where its 95 % interval leaves out 0 and its p, corrected by Holm for all of that command (of
that table for `leaks`), is below 0.05. Trainings of more rows than a batch take so many epochs that
the steps are the same.
"""

from __future__ import annotations

import argparse
import os
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

STEPS = (200, 1000, 4000)
COEFFICIENTS = "{0.01,0.1,1}"
METRICS = {"accuracy": 3, "f1": 3, "log_loss": 3, "ece": 3, "mean_entropy": 3}
TWO_CLASSES = ("breast_cancer",)
WAYS: dict[str, tuple[str, ...]] = {
    "honest": (),
    "with replacement": ("--bootstrap",),
    "overlapping holdout": ("--leak", "overlap"),
    "scaled by all rows": ("--leak", "scaling"),
    "all three, as the article": ("--bootstrap", "--leak", "overlap", "--leak", "scaling"),
}


def command(data: str, rows: int, seeds: int, formulas: Sequence[str], *more: str) -> list[str]:
    """The arguments of `tfloss compare` for one size."""
    batch = 10 if data == "digits" else 5
    per_epoch = -(-rows // batch)
    epochs = [str(step // per_epoch) for step in STEPS]
    at = [part for epoch in epochs[:-1] for part in ("--at", epoch)]
    recipe = ("--recipe", "article", "--data", data, "--train-size", str(rows))
    length = ("--batch-size", str(batch), "--epochs", epochs[-1], "--evaluate-every", epochs[-1])
    return [*formulas, *recipe, *length, *at, "--seeds", str(seeds), *more]


def compared(arguments: Sequence[str]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The results of a comparison, and every seed's metrics at every look."""
    import json

    from pyarrow import parquet

    from tfloss.cli.main import main

    print("    tfloss compare " + shlex.join(arguments) + "\n", flush=True)
    with tempfile.TemporaryDirectory() as runs:
        try:
            main(["compare", *arguments, "--quiet", "--runs", runs])
        except SystemExit as leaving:
            if leaving.code:
                raise
        folder = next(Path(runs).iterdir())
        results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        return results, parquet.read_table(folder / "results.parquet").to_pylist()


def row(*cells: str) -> None:
    """One line of a table."""
    print("| " + " | ".join(cells) + " |", flush=True)


def head(*names: str) -> None:
    row(*names)
    row("---", *("---:" for _ in names[1:]))


def figure(difference: Mapping[str, Any], shown: bool, digits: int) -> str:
    """A difference with its interval, bold where it is shown."""
    low, high = difference["low"], difference["high"]
    text = f"{difference['mean']:+.{digits}f}"
    if low is not None and high is not None:
        text += f" [{low:+.{digits}f}, {high:+.{digits}f}]"
    return f"**{text}**" if shown else text


# -- sizes -----------------------------------------------------------------------------------------


def sizes(options: argparse.Namespace) -> None:
    """A table for each size: every formula at every length."""
    for data in options.data:
        two = data in TWO_CLASSES
        base, textbook = ("bce", "binary_kl") if two else ("ce", "kl")
        terms = ("abs_kl", textbook, "kd")
        formulas = [base, *(f"{base} + {COEFFICIENTS}*{term}" for term in terms)]
        for rows in options.rows:
            if data == "digits" and rows < 10:
                continue  # fewer rows than classes
            print(f"\n### {data}, {rows} rows\n", flush=True)
            results, _ = compared(command(data, rows, options.seeds, formulas))
            _size(results, base)


def _size(results: Mapping[str, Any], base: str) -> None:
    names = [name for name in METRICS if name in results["metrics"]]
    head("step", "formula", *(results["metrics"][name]["label"] for name in names))
    for alias, teacher in results["teachers"].items():
        means = [f"{teacher['metrics'][name]['mean']:.{METRICS[name]}f}" for name in names]
        row("", f"the {alias} alone", *means)
    for table in results["tables"]:
        found = {(r["formula"], r["metric"]): r for r in table["rows"]}
        for formula in results["formulas"]:
            cells = []
            for name in names:
                one = found[formula, name]
                if "difference" in one:
                    cells.append(figure(one["difference"], bool(one["shown"]), METRICS[name]))
                else:
                    cells.append(f"{one['mean']['mean']:.{METRICS[name]}f}")
            text = formula.removeprefix(f"{base} + ")
            row(f"{table['step']:,}", f"`{text}`", *cells)
    print(f"\n{results['tables'][0]['comparisons']} comparisons.", flush=True)


# -- leaks -----------------------------------------------------------------------------------------


def leaks(options: argparse.Namespace) -> None:
    """Every way of drawing rows: the plain training against the honest one, and the claim."""
    formulas = ["bce", "bce + 0.1*abs_kl"]
    for rows in options.rows:
        print(f"\n### breast_cancer, {rows} rows\n", flush=True)
        found = {
            way: compared(command("breast_cancer", rows, options.seeds, formulas, *more))
            for way, more in WAYS.items()
        }
        _worth({way: seeds for way, (_, seeds) in found.items()})
        _claim({way: results for way, (results, _) in found.items()}, formulas[1])


def _values(seeds: Sequence[Mapping[str, Any]], metric: str, step: int) -> np.ndarray:
    """The plain training's metric after a step, by seed."""
    chosen = [r for r in seeds if r["formula"] == "bce" and r["step"] == step]
    chosen.sort(key=lambda r: r["seed"])
    return np.array([r[metric] for r in chosen], dtype=np.float64)


def _worth(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """The plain training's figures, and the paired differences to the honest way."""
    from tfloss.comparison.analysis.statistics import holm, mean_of, sign_flip_p
    from tfloss.comparison.analysis.verdicts import verdict

    names = [name for name in METRICS if name != "mean_entropy"]
    pairs = {
        (step, way, name): _values(found[way], name, step) - _values(found["honest"], name, step)
        for step in STEPS
        for way in WAYS
        if way != "honest"
        for name in names
    }
    corrected = holm([sign_flip_p(pair) for pair in pairs.values()])
    p_values = dict(zip(pairs, corrected, strict=True))
    print("What the figures of `bce` gain:\n")
    head("step", "rows", *names)
    for step in STEPS:
        means = [f"{_values(found['honest'], name, step).mean():.3f}" for name in names]
        row(f"{step:,}", "honest", *means)
        for way in WAYS:
            if way == "honest":
                continue
            cells = []
            for name in names:
                difference = mean_of(pairs[step, way, name]).as_dict()
                shown = bool(verdict(difference, p_values[step, way, name]))
                cells.append(figure(difference, shown, METRICS[name]))
            row(f"{step:,}", way, *cells)
    print(f"\n{len(pairs)} comparisons.\n")


def _claim(found: Mapping[str, Mapping[str, Any]], formula: str) -> None:
    """The article's formula against the plain one, for each way."""
    names = list(METRICS)
    print(f"`{formula}` minus `bce`, on the same rows:\n")
    head("step", "rows", *names)
    for place, step in enumerate(STEPS):
        for way, results in found.items():
            rows = {
                r["metric"]: r for r in results["tables"][place]["rows"] if r["formula"] == formula
            }
            cells = [
                figure(rows[name]["difference"], bool(rows[name]["shown"]), METRICS[name])
                for name in names
            ]
            row(f"{step:,}", way, *cells)
    print()


# -- control ---------------------------------------------------------------------------------------


def control(options: argparse.Namespace) -> None:
    """What of a term's effect is owed to what the teacher knows."""
    teachers = ("--teacher", "gp=gpc", "--teacher", "shares=prior")
    for rows in options.rows:
        for term in ("abs_kl", "binary_kl", "kd"):
            print(f"\n### breast_cancer, {rows} rows, {term}\n", flush=True)
            formulas = [f"bce + 0.1*{term}(teacher={one})" for one in ("shares", "gp")]
            results, _ = compared(
                command("breast_cancer", rows, options.seeds, formulas, *teachers)
            )
            _size(results, "bce")


def main() -> None:
    """Read the options and print what was asked for."""
    every = {"sizes": sizes, "leaks": leaks, "control": control}
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=list(every))
    parser.add_argument("--data", nargs="+", default=["breast_cancer"])
    parser.add_argument("--rows", nargs="+", type=int, default=[5])
    parser.add_argument("--seeds", type=int, default=200)
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    every[options.what](options)


if __name__ == "__main__":
    main()
