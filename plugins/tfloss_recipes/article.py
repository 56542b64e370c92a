"""The founding article's trainings, as named configurations.

The article trains a network of two hidden layers of 10 sigmoid units on the breast-cancer data:
with binary cross-entropy on 90 % of the rows; for several classes with softmax; and on 1 % of the
rows, five of them, with a Gaussian process as the teacher. Full batches are used, and the learning
rate is N times the article's for a batch of N, because the article sums over the batch what tfloss
averages.

The article draws its rows so that the holdout is not quite unseen. `article` does not;
`article_leaky` does, for telling what that is worth.
"""

from __future__ import annotations

from typing import Any

import tfloss

_NETWORK = {"model": "mlp:10,10,init=article", "seed": 0}


@tfloss.recipe(name="article")
def article() -> dict[str, Any]:
    """Distillation on five rows: bce + 0.1*abs_kl, the teacher a Gaussian process."""
    return {
        **_NETWORK,
        "formula": "bce + 0.1*abs_kl",
        "data": "breast_cancer",
        "teacher": ["gpc"],
        "teacher_fit": "train",
        "train_size": 5,
        "batch_size": 5,
        "epochs": 200,
        "optimizer": "sgd:learning_rate=0.5",
    }


@tfloss.recipe(name="article_leaky")
def article_leaky() -> dict[str, Any]:
    """The same with the article's own rows: drawn with replacement, holdout and scaling overlap."""
    return {**article(), "bootstrap": True, "leak": ["overlap", "scaling"]}


@tfloss.recipe(name="article_base")
def article_base() -> dict[str, Any]:
    """The base network: plain bce on 90 % of the rows."""
    return {
        **_NETWORK,
        "formula": "bce",
        "data": "breast_cancer",
        "train_fraction": 0.9,
        "batch_size": 32,
        "epochs": 200,
        "optimizer": "sgd:learning_rate=0.5",
    }


@tfloss.recipe(name="article_multiclass")
def article_multiclass() -> dict[str, Any]:
    """The multi-class form: softmax cross-entropy on three kinds of wine."""
    return {
        **_NETWORK,
        "formula": "ce",
        "data": "wine",
        "train_fraction": 0.9,
        "batch_size": 32,
        "epochs": 200,
        "optimizer": "sgd:learning_rate=0.5",
    }


@tfloss.hookimpl
def tfloss_recipes() -> list[Any]:
    """Register this module's recipes."""
    return [article, article_leaky, article_base, article_multiclass]
