"""What balances help, on two jobs; the tables of docs/balances.md.

    python -m tests.benchmarks.balances_help              # both jobs, 50 seeds
    python -m tests.benchmarks.balances_help two_outputs  # one of them
    SEEDS=5 EPOCHS=20 python -m tests.benchmarks.balances_help
    BALANCES="famo ntk" python -m tests.benchmarks.balances_help two_outputs

Every formula trains on the same seeds: splits, initial weights, orders of rows. The searched
coefficients are the best of a grid on other seeds, by the same errors on their holdouts. Each error
is told as its change against the plain sum: the mean over the seeds of the logarithm of the ratio,
with a 95 % interval (Student's t). No figure depends on the machine's load.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from sklearn.datasets import load_breast_cancer

import tfloss
from tfloss import keras

SEEDS = int(os.environ.get("SEEDS", "50"))
EPOCHS = int(os.environ.get("EPOCHS", "0"))  # 0: those of the job
SEARCH_SEEDS = max(2, SEEDS // 5)
FIRST_SEARCH_SEED = 10_000  # far from those that are reported
BALANCES = tuple(
    os.environ.get(
        "BALANCES",
        "uncertainty imtl_l gls dwa random_weights cov softadapt relobralo famo ntk gradnorm "
        "annealed pcgrad gradvac mgda cagrad imtl_g aligned upgrad dual_proj nash fairgrad",
    ).split()
)

Errors = dict[str, np.ndarray]  # by name, (seeds,)


@dataclass(frozen=True)
class Job:
    """A training with several terms.

    Attributes:
        about: what it is, in words.
        terms: of the formula.
        coefficients: that are searched, for each term but the first.
        settings: of the comparison.
        errors: from one formula's replicates, and its constant coefficients, to what is better when
            smaller.
        losses: declarations of the job's own.
        first: the number of the term that `annealed` measures the others by, its first member.
    """

    about: str
    terms: tuple[str, ...]
    coefficients: tuple[float, ...]
    settings: Mapping[str, Any]
    errors: Callable[[Any, Sequence[float], Any], Errors]
    losses: tuple[Any, ...] = ()
    first: int = 0

    def plain(self, coefficients: Sequence[float]) -> str:
        """The sum with these coefficients."""
        pairs = zip(coefficients, self.terms, strict=True)
        return " + ".join(term if c == 1 else f"{c:g}*{term}" for c, term in pairs)

    def balanced(self, balance: str) -> str:
        """The terms in a balance."""
        terms = list(self.terms)
        if balance == "annealed":
            terms.insert(0, terms.pop(self.first))
        return f"{balance}({', '.join(terms)})"


# -- two outputs ---------------------------------------------------------------------------------


@tfloss.loss(range=(0, None))
def area_error(heads: Any, area: Any) -> Any:
    """Squared error of the second output."""
    return (heads[:, 1] - area[:, 0]) ** 2


def two_heads(inputs: int, outputs: int) -> Any:
    """A shared layer, a logit, and a quantity."""
    features = keras.Input((inputs,))
    hidden = keras.layers.Dense(20, "tanh", name="hidden")(features)
    heads = keras.layers.Dense(2, name="heads")(hidden)
    return keras.Model(features, heads[:, :outputs])


def two_outputs() -> Job:
    data = load_breast_cancer()
    names = list(data.feature_names)
    own = [place for place, name in enumerate(names) if not name.startswith("worst")]
    area = data.data[:, names.index("worst area")]

    def errors(one: Any, coefficients: Sequence[float], rows: Any) -> Errors:
        return {
            name: unweighted(one, term, coefficient)
            for name, term, coefficient in zip(
                ("cross-entropy", "squared error of the area"), job.terms, coefficients, strict=True
            )
        }

    job = Job(
        "569 tumours: malignant or not, and the area of the largest cells in deviations, from the "
        "20 features that do not tell it; 40 rows train",
        ("bce", "area_error"),
        tuple(10.0**power for power in np.arange(-2, 2.01, 0.5)),
        {
            "data": tfloss.Table(
                data.data[:, own],
                data.target,
                name="breast_cancer",
                task="classification",
                columns={"area": (area - area.mean()) / area.std()},
            ),
            "model": f"{__spec__.name if __spec__ else __name__}:two_heads",
            "train_size": 40,
            "epochs": EPOCHS or 200,
            "batch_size": 20,
            "optimizer": "adam:learning_rate=0.01",
        },
        errors,
        (area_error,),
    )
    return job


def unweighted(one: Any, term: str, coefficient: float) -> np.ndarray:
    """A term on the holdout at the end, without its weight, (seeds,); NaN where that is 0."""
    names = ["total", *one.names]
    values = one.holdout[-1]
    found = values[:, names.index(term)] / coefficient
    weight = f"weight({term})"
    if weight not in names:
        return found
    weights = values[:, names.index(weight)]
    return np.divide(found, weights, out=np.full_like(found, np.nan), where=weights != 0)


# -- a network that solves an equation -----------------------------------------------------------


@tfloss.metric(task="regression", better="lower")
def largest_error(truth: np.ndarray, said: np.ndarray) -> float:
    """The largest absolute error."""
    return float(np.abs(truth - said).max())


def pinn() -> Job:
    damping, frequency = 1.0, 8.0
    # The start several times over, so that every split has it among the rows that train.
    t = np.concatenate([np.zeros(12), np.linspace(0, 1, 64)[1:]])[:, None]
    own = np.sqrt(frequency**2 - damping**2)
    exact = np.exp(-damping * t) * (np.cos(own * t) + damping / own * np.sin(own * t))
    first = t[:, 0] == 0
    velocity = "grad(prediction, inputs)"
    equation = (
        f"grad({velocity}, inputs) + {2 * damping:g}*{velocity} + {frequency**2:g}*prediction"
    )

    def errors(one: Any, coefficients: Sequence[float], rows: Any) -> Errors:
        return {"largest error": np.array([row["largest_error"] for row in rows])}

    return Job(
        "x'' + 2x' + 64x = 0 with x(0)=1, x'(0)=0 on [0, 1], as docs/examples/pinn.py; three "
        "terms: the start, the slope there, the equation at all points",
        (
            "mse(start, prediction)",
            f"mse(slope, {velocity})",
            f"mse({equation}, 0*prediction)",
        ),
        (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0),
        {
            "data": tfloss.Table(
                t,
                exact[:, 0],
                name="oscillator",
                task="regression",
                columns={
                    "start": np.where(first, 1.0, np.nan),
                    "slope": np.where(first, 0.0, np.nan),
                },
            ),
            "model": "mlp(16, 16, activation='tanh')",
            "epochs": EPOCHS or 5000,
            "batch_size": 100,
            "optimizer": "adam:learning_rate=0.003",
            "scale": "none",
            "scale_target": False,
        },
        errors,
        (largest_error,),
        first=2,
    )


JOBS = {"two_outputs": two_outputs, "pinn": pinn}


# -- training and telling ------------------------------------------------------------------------


def trained(
    job: Job, formulas: Mapping[str, Sequence[float]], seeds: int, first: int
) -> dict[str, Errors]:
    """The errors of each formula, which is given with the coefficients that are its own."""
    settings = dict(job.settings)
    result = tfloss.compare(
        list(formulas),
        settings.pop("data"),
        settings.pop("model"),
        seeds=seeds,
        seed=first,
        losses=job.losses,
        evaluate_every=job.settings["epochs"],
        **settings,
    )
    for note in result.values["notes"]:
        print(f"  ({note})", file=sys.stderr)
    rows = result.rows()
    return {
        formula: job.errors(one, coefficients, [row for row in rows if row["formula"] == formula])
        for (formula, coefficients), one in zip(formulas.items(), result.trajectories, strict=True)
    }


def change(own: Errors, plain: Errors) -> dict[str, np.ndarray]:
    """By error, and of all of them together, the logarithm of the ratio to the plain sum."""
    logs = {name: np.log(own[name] / plain[name]) for name in own}
    return {**logs, "together": np.mean(list(logs.values()), axis=0)} if len(logs) > 1 else logs


def searched(job: Job) -> list[float]:
    """Coefficient by coefficient, twice: the best of the grid on other seeds."""
    ones = [1.0] * len(job.terms)
    best = list(ones)
    for place in list(range(1, len(job.terms))) * 2:
        grid = {
            job.plain(own): own
            for c in job.coefficients
            for own in [[*best[:place], c, *best[place + 1 :]]]
        }
        grid.setdefault(job.plain(ones), ones)
        found = trained(job, grid, SEARCH_SEEDS, FIRST_SEARCH_SEED)
        plain = found[job.plain(ones)]
        score = {
            formula: float(np.mean(list(change(errors, plain).values())[-1]))
            for formula, errors in found.items()
        }
        best = list(grid[min(score, key=lambda formula: score[formula])])
        if len(job.terms) == 2:
            break
    return best


def told(logs: np.ndarray) -> str:
    """'-12 % (-15 to -9)', and how many seeds are not finite."""
    fine = logs[np.isfinite(logs)]
    if len(fine) < 2:
        return "not finite"
    mean = fine.mean()
    half = stats.t.ppf(0.975, len(fine) - 1) * fine.std(ddof=1) / np.sqrt(len(fine))
    low, middle, high = (100 * np.expm1(value) for value in (mean - half, mean, mean + half))
    lost = f", {len(logs) - len(fine)} seeds without a figure" if len(fine) < len(logs) else ""
    return f"{middle:+.0f} % ({low:+.0f} to {high:+.0f}){lost}".replace("-", "−")


def run(name: str) -> None:
    """Print one job's table."""
    job = JOBS[name]()
    registry = tfloss.load_registry()
    ones = [1.0] * len(job.terms)
    labels = {job.plain(ones): "plain sum"}
    best = searched(job)
    labels.setdefault(job.plain(best), f"searched: {', '.join(f'{c:g}' for c in best)}")
    for balance in BALANCES:
        if balance in registry.balances:
            labels[job.balanced(balance)] = f"`{balance}`"
    print(f"\n{name}: {job.about}. {SEEDS} seeds, {job.settings['epochs']} epochs.\n")
    plain: Errors = {}
    for formula in labels:  # the plain sum first
        coefficients = best if formula == job.plain(best) else ones
        try:
            errors = trained(job, {formula: coefficients}, SEEDS, 0)[formula]
        except tfloss.TflossError as error:
            print(f"{formula}: {error}", file=sys.stderr)
            continue
        if not plain:
            plain = errors
            begin_table(plain)
            continue
        cells = [told(values) for values in change(errors, plain).values()]
        print(f"| {labels[formula]} | {' | '.join(cells)} |", flush=True)


def begin_table(plain: Errors) -> None:
    """What the errors are changes of, and the head of the table."""
    medians = ", ".join(f"{name} {np.nanmedian(values):.3g}" for name, values in plain.items())
    columns = list(change(plain, plain))
    print(f"Median of the plain sum: {medians}.\n")
    print(f"| | {' | '.join(columns)} |\n| --- {'| --- ' * len(columns)}|", flush=True)


if __name__ == "__main__":
    for name in sys.argv[1:] or list(JOBS):
        run(name)
