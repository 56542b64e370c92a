"""Results of a comparison that never was."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfloss.comparison.analysis.predictions import describe_predictions
from tfloss.comparison.analysis.statistics import holm
from tfloss.comparison.analysis.verdicts import verdict

METRICS = {
    "accuracy": {"label": "accuracy", "better": "higher"},
    "log_loss": {"label": "log-loss", "better": "lower"},
    "mean_entropy": {"label": "mean entropy", "better": None},
}
STEPS = list(range(10, 201, 10))


def results_with(count: int) -> dict[str, Any]:
    """`count` formulas, 50 seeds, three metrics, a teacher and a goal."""
    random = np.random.default_rng(0)
    formulas = ["bce", *(f"bce + {i}*abs_kl" for i in range(1, count))]
    truth = random.integers(0, 2, 500)

    def estimate(mean: float) -> dict[str, float]:
        return {"mean": mean, "low": mean - 0.01, "high": mean + 0.01, "count": 50}

    def band(points: int) -> dict[str, list[float]]:
        mean = np.cumsum(random.normal(size=points))
        return {"mean": mean.tolist(), "low": (mean - 1).tolist(), "high": (mean + 1).tolist()}

    def row(formula: str) -> dict[str, Any]:
        found: dict[str, Any] = {"formula": formula, "mean": estimate(random.uniform())}
        if formula != formulas[0]:
            found |= {"difference": estimate(random.normal(0, 0.02)), "p": random.uniform(0, 0.05)}
            found["win_rate"] = estimate(0.6)
        return found

    def answers() -> dict[str, Any]:
        probability = random.uniform(size=500)
        return describe_predictions(truth, np.stack([1 - probability, probability], axis=1))

    def curve(formula: str) -> dict[str, Any]:
        names = ["total", "bce", *(["abs_kl"] if "abs_kl" in formula else [])]
        return {
            "steps": list(range(80)),
            "train": {name: band(80) for name in names},
            "eval_steps": STEPS,
            "holdout": {name: band(20) for name in names},
            "metrics": {name: band(20) for name in METRICS},
        }

    rows = [{"metric": name, **row(formula)} for name in METRICS for formula in formulas]
    reach = [
        {"goal": "accuracy=0.9", "steps": estimate(100.0), "reached": estimate(0.5), "every": 10}
        | row(formula)
        for formula in formulas
    ]
    tested = [one for one in (*rows, *reach) if "p" in one]
    for one, p in zip(tested, holm([one["p"] for one in tested]), strict=True):
        one |= {"p_holm": p, "significant": verdict(one["difference"], p)}
    points = random.normal(size=(300, 3))
    return {
        "formulas": formulas,
        "definitions": {"bce": r"-y\log\sigma(z)"},
        "terms": [],
        "baseline": 0,
        "seeds": list(range(50)),
        "data": {
            "name": "made_up",
            "task": "classification",
            "train": 5,
            "holdout": 500,
            "classes": ["no", "yes"],
        },
        "metrics": METRICS,
        "tables": [
            {"epoch": 200, "step": 200, "rows": rows, "reach": reach, "comparisons": len(tested)}
        ],
        "teachers": {
            "teacher": {"text": "gpc", "metrics": {name: estimate(0.7) for name in METRICS}}
        },
        "diverged": [0] * count,
        "curves": [curve(formula) for formula in formulas],
        "logged": [
            {**curve(formula), "train": weights, "holdout": {}}
            for place, formula in enumerate(formulas)
            for weights in [{"weight(bce)": band(80)} if place == 1 else {}]
        ],
        "gradients": [
            {"count": 32, "shares": {"bce": 0.75, "abs_kl": 0.25} if place else {"bce": 1.0}}
            for place in range(count)
        ],
        "predictions": {name: answers() for name in [*formulas, "teacher: gpc"]},
        "pca": {
            "points": points.tolist(),
            "codes": (points[:, 0] > 0).astype(int).tolist(),
            "train": (np.arange(300) < 5).tolist(),
            "share": [0.5, 0.3, 0.1],
            "classes": ["no", "yes"],
            "left_out": 0,
        },
        "notes": [],
        "seconds": {"training": 1.0},
        "versions": {"tfloss": "0"},
        "config": {"data": "made_up", "formulas": formulas},
    }
