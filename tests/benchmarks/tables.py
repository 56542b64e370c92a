"""Defaults only, next to scikit-learn's MLP and a linear model on eight tables; prints a table.

    python -m tests.benchmarks.tables [SEEDS]
    python -m tests.benchmarks.tables why [SEEDS]

Every model gets the same training rows, encoded and scaled by them; the target of the MLP is scaled
for regression. R² is higher where a model is better, log-loss is lower. 'why' changes one default
at a time on three of the tables.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss, r2_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

import tfloss


def _mixed(quantity: bool) -> tuple[Any, Any]:
    """Numbers with gaps, text, true and false, and dates."""
    random = np.random.default_rng(0)
    rows = 800
    age = random.normal(45, 12, rows)
    city = random.choice(["Rome", "Oslo", "Lima", "Bonn"], rows, p=[0.5, 0.3, 0.15, 0.05])
    member = random.random(rows) < 0.4
    joined = np.datetime64("2020-01-01") + random.integers(0, 1000, rows)
    days = (joined - np.datetime64("2020-01-01")).astype(float)
    value = age / 10 + 2 * (city == "Rome") + member * days / 300 + random.normal(0, 0.7, rows)
    age[random.random(rows) < 0.1] = np.nan
    features = {"age": age, "city": city, "member": member, "joined": joined}
    return features, 1000 * value if quantity else np.where(value > 6.5, "high", "low")


def _counts() -> tuple[Any, Any]:
    random = np.random.default_rng(1)
    features = random.normal(size=(600, 5))
    return features, random.poisson(np.exp(6 + features @ [0.5, -0.3, 0.2, 0, 0])).astype(float)


def _friedman() -> tuple[Any, Any]:
    features, target = datasets.make_friedman1(800, noise=1.0, random_state=0)
    return features, 100 * target + 5000


SETS: dict[str, tuple[str, Callable[[], Any]]] = {
    "breast cancer": ("ce_or_bce", lambda: datasets.load_breast_cancer(return_X_y=True)),
    "wine": ("ce_or_bce", lambda: datasets.load_wine(return_X_y=True)),
    "digits": ("ce_or_bce", lambda: datasets.load_digits(return_X_y=True)),
    "made, mixed": ("ce_or_bce", lambda: _mixed(False)),
    "diabetes": ("mse", lambda: datasets.load_diabetes(return_X_y=True)),
    "made, Friedman 1": ("mse", _friedman),
    "made, counts": ("poisson", _counts),
    "made, mixed quantity": ("mse", lambda: _mixed(True)),
}


def results(name: str, seeds: int) -> dict[str, list[float]]:
    """The figure of each model for every seed."""
    formula, load = SETS[name]
    task = "classification" if formula == "ce_or_bce" else "regression"
    formula = "cross_entropy" if formula == "ce_or_bce" else formula
    found: dict[str, list[float]] = {"tfloss": [], "MLP": [], "linear": []}
    for seed in range(seeds):
        data = tfloss.load_data(load(), task=task, seed=seed)
        student = tfloss.fit(formula, data, seed=seed)
        scores = student.scores["student on holdout"]
        found["tfloss"].append(scores["log_loss" if task == "classification" else "r2"])
        for label, model in _peers(task, seed):
            found[label].append(_figure(model, data))
    return found


def _peers(task: str, seed: int) -> Iterator[tuple[str, Any]]:
    if task == "classification":
        yield "MLP", MLPClassifier(random_state=seed)
        yield "linear", LogisticRegression(max_iter=1000)
        return
    mlp = MLPRegressor(random_state=seed)
    yield "MLP", TransformedTargetRegressor(mlp, transformer=StandardScaler())
    yield "linear", LinearRegression()


def _figure(model: Any, data: tfloss.PreparedData) -> float:
    classes = data.classes is not None
    truth = [part.codes if classes else part.labels[:, 0] for part in (data.train, data.holdout)]
    model.fit(data.train.inputs, truth[0])
    if not classes:
        return float(r2_score(truth[1], model.predict(data.holdout.inputs)))
    labels = range(len(data.classes or ()))
    return float(log_loss(truth[1], model.predict_proba(data.holdout.inputs), labels=labels))


CHANGES: dict[str, dict[str, Any]] = {
    "the defaults": {},
    "`optimizer=adam:learning_rate=0.01`": {"optimizer": "adam:learning_rate=0.01"},
    "`epochs=1000`": {"epochs": 1000},
    "`batch_size=8`": {"batch_size": 8},
    "`model=mlp:10,10,activation=relu`": {"model": "mlp:10,10,activation=relu"},
    "`model=mlp:32,32`": {"model": "mlp:32,32"},
    "`model=mlp:100,activation=relu`": {"model": "mlp:100,activation=relu"},
    "`early_stopping`, `epochs=1000`, `n_iter_no_change=20`, `adam:learning_rate=0.003`": {
        "early_stopping": True,
        "n_iter_no_change": 20,
        "epochs": 1000,
        "optimizer": "adam:learning_rate=0.003",
    },
}


def why(seeds: int = 3) -> None:
    """What each default is worth: R² on the holdout, in parentheses on the training rows."""
    warnings.simplefilter("ignore")
    names = ("made, Friedman 1", "made, mixed quantity", "diabetes")
    print(f"| changed | {' | '.join(names)} |\n| --- | --- | --- | --- |")
    for label, change in CHANGES.items():
        cells = []
        for name in names:
            values = []
            for seed in range(seeds):
                data = tfloss.load_data(SETS[name][1](), task="regression", seed=seed)
                scores = tfloss.fit("mse", data, seed=seed, **change).scores
                values.append([scores[f"student on {side}"]["r2"] for side in ("holdout", "train")])
            holdout, train = np.mean(values, axis=0)
            cells.append(f"{holdout:.3f} ({train:.3f})")
        print(f"| {label} | {' | '.join(cells)} |", flush=True)


def main(seeds: int = 5) -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    print("| data | figure | tfloss | scikit-learn's MLP | linear |")
    print("| --- | --- | --- | --- | --- |")
    for name, (formula, _) in SETS.items():
        found = results(name, seeds)
        figure = "log-loss" if formula == "ce_or_bce" else f"R², `{formula}`"
        cells = [f"{np.mean(v):.3f} ± {np.std(v):.3f}" for v in found.values()]
        print(f"| {name} | {figure} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["why"]:
        why(*map(int, sys.argv[2:]))
    else:
        main(*map(int, sys.argv[1:]))
