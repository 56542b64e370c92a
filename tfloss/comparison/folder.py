"""The folder that a comparison leaves: results as JSON, CSV, Parquet and LaTeX, curves, config."""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from tfloss.comparison.analysis.results import whole_curves
from tfloss.comparison.comparison import Comparison
from tfloss.comparison.replicates.saved import FINGERPRINT
from tfloss.comparison.replicates.trajectories import Trajectories
from tfloss.display import inert
from tfloss.errors import DataError, UsageError
from tfloss.io.atomic import new_folder, sha256, write_text, write_whole
from tfloss.io.csv_cells import inert_cell
from tfloss.io.finished import MANIFEST, REPLICATES, TEACHERS, sweep_finished, sweep_if_finished
from tfloss.io.strict_json import as_json
from tfloss.training.config import read_config

RESULTS, ROWS, TABLE = "results.json", "results.csv", "table.tex"
PARQUET, METRICS, CONFIG = "results.parquet", "metrics.jsonl", "config.toml"
TIMING = "timing.json"
_TIMING = ("seconds", "replicate_steps")
_VERSIONED = ("tfloss", "tensorflow", "keras", "scikit-learn", "numpy", "scipy")


def begin_comparison(runs: Path, comparison: Comparison) -> Path:
    """Make `runs/compare-N` for a comparison that begins, with its configuration.

    Raises:
        UsageError: it cannot be made or written.
    """
    sweep_finished(runs)
    folder = new_folder(runs, "compare")
    try:
        write_text(folder / CONFIG, tomli_w.dumps(plain_config(comparison)))
    except OSError as error:
        raise UsageError(f"The folder '{folder}' cannot be written: {error}.") from error
    return folder


def unfinished_comparison(folder: Path) -> dict[str, Any]:
    """The configuration of a comparison that was begun and not finished, as plain values.

    Raises:
        UsageError: there is no such comparison, or it is finished.
    """
    if (folder / MANIFEST).exists():
        sweep_if_finished(folder)
        raise UsageError(
            f"The comparison in '{folder}' is finished; `tfloss compare --config "
            f"{folder / CONFIG}` makes it again, in a folder of its own."
        )
    if not (folder / CONFIG).is_file() or not (folder / REPLICATES).is_dir():
        raise UsageError(f"'{folder}' is not the folder of a comparison that was cut off.")
    return read_config(folder / CONFIG)


def forget_comparison(folder: Path) -> bool:
    """Remove a folder in which nothing was finished that could be gone on with; whether it was."""
    kept = [p for name in (REPLICATES, TEACHERS) for p in (folder / name).rglob("*") if p.is_file()]
    if any(path.name != FINGERPRINT and not path.name.startswith(".") for path in kept):
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return True


def fill_folder(
    folder: Path,
    comparison: Comparison,
    trajectories: list[Trajectories],
    results: dict[str, Any],
) -> None:
    """Write a comparison's files; the manifest comes last and lists the rest.

    Adds the versions and the configuration to `results`. What a repetition or an interruption
    changes, the times, is in a file of its own.
    """
    results["versions"] = {"python": platform.python_version()} | {
        name: metadata.version(name) for name in _VERSIONED
    }
    results["config"] = plain_config(comparison)
    folder.mkdir(parents=True, exist_ok=True)  # somebody may have removed it meanwhile
    write_text(folder / CONFIG, tomli_w.dumps(results["config"]))
    columns = columns_of(comparison, trajectories, results)
    table = _arrow(columns)
    for_spreadsheets = _arrow({**columns, "formula": list(map(inert_cell, columns["formula"]))})
    write_whole(folder / ROWS, lambda path: _csv(for_spreadsheets, path))
    write_whole(folder / PARQUET, lambda path: _parquet(table, path))
    write_text(folder / METRICS, "".join(f"{line}\n" for line in _lines(trajectories, results)))
    write_text(folder / TABLE, latex_table(results))
    timing = {name: results[name] for name in _TIMING}
    plain = {name: value for name, value in results.items() if name not in _TIMING}
    write_text(folder / RESULTS, as_json(plain) + "\n")
    write_text(folder / TIMING, as_json(timing) + "\n")
    files = sorted(p for p in folder.iterdir() if p.is_file() and p.name[0] != ".")
    files = [path for path in files if path.name != MANIFEST]
    digests = {"sha256": {path.name: sha256(path) for path in files}}
    write_text(folder / MANIFEST, json.dumps(digests, indent=2) + "\n")


def read_results(folder: Path) -> dict[str, Any]:
    """The results of a finished comparison.

    Raises:
        UsageError: not the folder of a finished comparison.
        DataError: its results are not what it wrote.
    """
    try:
        if not (folder / MANIFEST).is_file():
            raise FileNotFoundError(f"there is no {MANIFEST}")
        digests = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["sha256"]
        whole = all(sha256(folder / name) == digests[name] for name in (RESULTS, TIMING))
        texts = [(folder / name).read_text(encoding="utf-8") for name in (RESULTS, TIMING)]
        results = json.loads(texts[0]) | json.loads(texts[1]) if whole else {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"'{folder}' is not the folder of a finished comparison: {error}."
        ) from error
    if not whole:
        raise DataError(
            f"'{folder / RESULTS}' is not the file that the comparison wrote (its SHA-256 differs "
            f"from the manifest's); restore it from a copy."
        )
    return _numbers(results)


def plain_config(comparison: Comparison) -> dict[str, Any]:
    """A comparison as `config.toml` holds it."""
    import tomllib

    values = tomllib.loads(comparison.config.as_toml())
    del values["formula"]
    return {
        "formulas": list(comparison.formulas),
        "baseline": comparison.formulas[comparison.baseline],
        "seeds": comparison.seeds,
        "one_class": comparison.one_class,
        "reach": [goal.text for goal in comparison.reach],
        "at": list(comparison.at),
        **values,
    }


# -- one row for each formula, seed and evaluation ---------------------------------------------


def columns_of(
    comparison: Comparison, trajectories: Sequence[Trajectories], results: Mapping[str, Any]
) -> dict[str, list[Any]]:
    """One row for each formula, seed and evaluation, as columns."""
    seeds = list(results["seeds"])
    columns: dict[str, list[Any]] = {"formula": [], "seed": [], "epoch": [], "step": []}
    columns |= {name: [] for name in results["metrics"]}
    columns["holdout_total"] = []
    step = results["tables"][-1]["step"] // comparison.config.epochs if results["tables"] else 1
    for one in trajectories:
        for number, epoch in enumerate(one.eval_epochs):
            columns["formula"] += [one.formula] * len(seeds)
            columns["seed"] += seeds
            columns["epoch"] += [int(epoch)] * len(seeds)
            columns["step"] += [int(epoch) * step] * len(seeds)
            for name in results["metrics"]:
                columns[name] += one.metrics[name][number].tolist()
            columns["holdout_total"] += one.holdout[number, :, 0].tolist()
    return columns


def _arrow(columns: Mapping[str, list[Any]]) -> Any:
    import pyarrow as pa

    return pa.table(dict(columns))


def _csv(table: Any, path: Path) -> None:
    from pyarrow import csv

    csv.write_csv(table, path)


def _parquet(table: Any, path: Path) -> None:
    from pyarrow import parquet

    parquet.write_table(table, path)


def _lines(trajectories: list[Trajectories], results: dict[str, Any]) -> Iterator[str]:
    """Mean curves: one line for each formula and epoch that the results' curves hold."""
    for place, one in enumerate(trajectories):
        curves = whole_curves(results, place)
        holdout = {step: at for at, step in enumerate(curves["eval_steps"])}
        for at, step in enumerate(curves["steps"]):
            line: dict[str, Any] = {"formula": one.formula, "step": step}
            line["train"] = {name: band["mean"][at] for name, band in curves["train"].items()}
            if step in holdout:
                evaluation = holdout[step]
                line["holdout"] = {n: b["mean"][evaluation] for n, b in curves["holdout"].items()}
                line["metrics"] = {n: b["mean"][evaluation] for n, b in curves["metrics"].items()}
            yield as_json(line)


# -- a table for a paper -----------------------------------------------------------------------


def latex_table(results: Mapping[str, Any]) -> str:
    """The last table: a row for each formula, mean and interval of each metric; needs booktabs."""
    if not results["tables"]:
        return "% no holdout, so nothing was measured\n"
    table, metrics = results["tables"][-1], results["metrics"]
    data = inert(results["data"]["name"])  # in one line of a comment
    lines = [
        rf"% {len(results['seeds'])} seeds, {data}, step {table['step']}; "
        r"means with 95 \% intervals; $\star$: differs from the first row, Holm-corrected.",
        rf"\begin{{tabular}}{{l{'c' * len(metrics)}}}",
        r"\toprule",
        " & ".join(["loss", *(_escaped(m["label"]) for m in metrics.values())]) + r" \\",
        r"\midrule",
    ]
    order = [results["baseline"], *range(len(results["formulas"]))]
    for formula in dict.fromkeys(results["formulas"][place] for place in order):
        cells = [rf"\texttt{{{_escaped(formula)}}}"]
        rows = {row["metric"]: row for row in table["rows"] if row["formula"] == formula}
        cells += [_cell(rows[name]) for name in metrics]
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _cell(row: Mapping[str, Any]) -> str:
    mean = row["mean"]
    star = r"^{\star}" if row.get("significant") else ""
    low, high = (_figure(mean[key]) for key in ("low", "high"))
    return rf"${_figure(mean['mean'])}{star}$ {{\scriptsize [{low}, {high}]}}"


def _figure(value: float) -> str:
    return "--" if value is None or not np.isfinite(value) else f"{value:.4f}"


_SPECIAL = {
    **{character: f"\\{character}" for character in "_%&#{}$"},
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
}


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(c, c) for c in inert(text))


def _numbers(results: dict[str, Any]) -> dict[str, Any]:
    """Estimates that JSON holds as null are NaN again."""
    for table in results["tables"]:
        for row in (*table["rows"], *table["reach"]):
            for key in ("mean", "difference", "win_rate", "reached", "steps"):
                if isinstance(row.get(key), dict):
                    row[key] = {n: np.nan if v is None else v for n, v in row[key].items()}
    return results
