"""The folder that a comparison leaves: results as JSON, CSV, Parquet and LaTeX, curves, config."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from tfloss.comparison.comparison import Comparison
from tfloss.comparison.replicates.trajectories import Trajectories
from tfloss.errors import DataError, UsageError
from tfloss.io.atomic import sha256, whole_folder, write_text, write_whole
from tfloss.io.strict_json import as_json
from tfloss.training.config import read_config

RESULTS, ROWS, TABLE = "results.json", "results.csv", "table.tex"
PARQUET, METRICS, CONFIG, MANIFEST = (
    "results.parquet",
    "metrics.jsonl",
    "config.toml",
    "manifest.json",
)
_VERSIONED = ("tfloss", "tensorflow", "keras", "scikit-learn", "numpy", "scipy")


def write_comparison(
    runs: Path,
    comparison: Comparison,
    trajectories: list[Trajectories],
    results: dict[str, Any],
) -> Path:
    """Make `runs/compare-N`, which is there with all its files or not at all.

    Raises:
        UsageError: the folder cannot be made or written.
    """
    try:
        with whole_folder(runs, "compare") as place:
            fill_folder(place[0], comparison, trajectories, results)
    except OSError as error:
        raise UsageError(f"No folder can be written in '{runs}': {error}.") from error
    return place[0]


def fill_folder(
    folder: Path,
    comparison: Comparison,
    trajectories: list[Trajectories],
    results: dict[str, Any],
) -> None:
    """Write a comparison's files; the manifest comes last and lists the rest.

    Adds the versions and the configuration to `results`.
    """
    results["versions"] = {"python": platform.python_version()} | {
        name: metadata.version(name) for name in _VERSIONED
    }
    results["config"] = _plain(comparison)
    write_text(folder / CONFIG, tomli_w.dumps(results["config"]))
    table = _arrow(comparison, trajectories, results)
    write_whole(folder / ROWS, lambda path: _csv(table, path))
    write_whole(folder / PARQUET, lambda path: _parquet(table, path))
    write_text(folder / METRICS, "".join(f"{line}\n" for line in _lines(trajectories, results)))
    write_text(folder / TABLE, latex_table(results))
    write_text(folder / RESULTS, as_json(results) + "\n")
    files = sorted(path for path in folder.iterdir() if path.is_file())
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
        whole = sha256(folder / RESULTS) == digests[RESULTS]
        results = json.loads((folder / RESULTS).read_text(encoding="utf-8")) if whole else {}
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


def read_comparison(path: Path) -> dict[str, Any]:
    """The values of a comparison's `config.toml`: those of `tfloss train`, and its own."""
    return read_config(path)


def _plain(comparison: Comparison) -> dict[str, Any]:
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


def _arrow(
    comparison: Comparison, trajectories: list[Trajectories], results: dict[str, Any]
) -> Any:
    import pyarrow as pa

    seeds = np.array(results["seeds"])
    columns: dict[str, list[Any]] = {"formula": [], "seed": [], "epoch": [], "step": []}
    columns |= {name: [] for name in results["metrics"]}
    columns["holdout_total"] = []
    step = results["tables"][-1]["step"] // comparison.config.epochs if results["tables"] else 1
    for one in trajectories:
        for evaluation, epoch in enumerate(one.eval_epochs):
            columns["formula"] += [one.formula] * len(seeds)
            columns["seed"] += seeds.tolist()
            columns["epoch"] += [int(epoch)] * len(seeds)
            columns["step"] += [int(epoch) * step] * len(seeds)
            for name in results["metrics"]:
                columns[name] += one.metrics[name][evaluation].tolist()
            columns["holdout_total"] += one.holdout[evaluation, :, 0].tolist()
    return pa.table(columns)


def _csv(table: Any, path: Path) -> None:
    from pyarrow import csv

    csv.write_csv(table, path)


def _parquet(table: Any, path: Path) -> None:
    from pyarrow import parquet

    parquet.write_table(table, path)


def _lines(trajectories: list[Trajectories], results: dict[str, Any]) -> Iterator[str]:
    """Mean curves: one line for each formula and epoch that the results' curves hold."""
    for one, curves in zip(trajectories, results["curves"], strict=True):
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
    lines = [
        rf"% {len(results['seeds'])} seeds, {results['data']['name']}, step {table['step']}; "
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


def _escaped(text: str) -> str:
    special = {"_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "{": r"\{", "}": r"\}", "$": r"\$"}
    return "".join(special.get(c, c) for c in text.replace("\\", r"\textbackslash "))


def _numbers(results: dict[str, Any]) -> dict[str, Any]:
    """Estimates that JSON holds as null are NaN again."""
    for table in results["tables"]:
        for row in (*table["rows"], *table["reach"]):
            for key in ("mean", "difference", "win_rate", "reached", "steps"):
                if isinstance(row.get(key), dict):
                    row[key] = {n: np.nan if v is None else v for n, v in row[key].items()}
    return results
