"""The founding article's trainings, as named configurations, to its last number.

The article trains a network of two hidden layers of 10 sigmoid units on the breast-cancer data:
with binary cross-entropy on 90 % of the rows; and on 1 % of the rows, five of them, with a Gaussian
process as the teacher. It names softmax cross-entropy for several classes.

Its optimizer descends the SUM of a loss over the batch, where tfloss averages: the rate here is the
article's times the rows of a batch. Its rows are drawn with replacement from all rows, which were
scaled before, so that the holdout is not quite unseen: `article_leaky` has these very rows; the
other recipes draw rows honestly, and name that in their first line.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import tfloss


def _network(features: int) -> str:
    """The first layer from a truncated normal, the others from the standard normal."""
    layers = (
        f"[truncated_normal(stddev={1 / sqrt(features)!r}), "
        f"random_normal(stddev=1), random_normal(stddev=1)]"
    )
    return f"mlp(10, 10, kernel_initializer={layers}, bias_initializer={layers})"


def _sgd(rate: float, batch_size: int) -> dict[str, Any]:
    """Gradient descent at the article's rate, which is for the sum over the batch."""
    return {
        "batch_size": batch_size,
        "batches": "replacement",
        "optimizer": f"sgd:learning_rate={float(rate * batch_size)!r}",
        "epochs": 200,
    }


@tfloss.recipe(name="article")
def article() -> dict[str, Any]:
    """bce + 0.1*abs_kl on five rows; unlike the article's: unseen holdout, two classes train."""
    return {
        "formula": "bce + 0.1*abs_kl",
        "data": "breast_cancer",
        "train_size": 5,
        "test_size": 100,
        "scale": "minmax",
        "teacher": ["gpc"],
        "teacher_fit": "train",
        "model": _network(30),
        "seed": 0,
        **_sgd(0.01, 5),
    }


@tfloss.recipe(name="article_leaky")
def article_leaky() -> dict[str, Any]:
    """The article's own rows: drawn by its seed 666, holdout and scaling see what trains."""
    return {
        **article(),
        "stratify": False,
        "bootstrap": True,
        "leak": ["overlap", "scaling"],
        "split_seed": 666,
    }


@tfloss.recipe(name="article_base")
def article_base() -> dict[str, Any]:
    """The base network: bce on 90 % of the rows; unlike the article's: unseen holdout."""
    return {
        "formula": "bce",
        "data": "breast_cancer",
        "train_fraction": 0.9,
        "scale": "minmax",
        "model": _network(30),
        "seed": 0,
        **_sgd(0.1, 50),
    }


@tfloss.recipe(name="article_multiclass")
def article_multiclass() -> dict[str, Any]:
    """The base network with softmax, as the article names it; the data, wine, are not its own."""
    return {**article_base(), "formula": "ce", "data": "wine", "model": _network(13)}


@tfloss.hookimpl
def tfloss_recipes() -> list[Any]:
    """Register this module's recipes."""
    return [article, article_leaky, article_base, article_multiclass]
