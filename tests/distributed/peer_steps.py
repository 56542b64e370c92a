"""What one of two workers does with the others, each step once, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.linear_model import LinearRegression

import tfloss
from tests.distributed.cases import data
from tfloss.cluster.peers import Peers, peers_of
from tfloss.errors import DataError, TflossError


def steps(strategy: Any) -> dict[str, Any]:
    """All of them, as plain values."""
    peers = peers_of(strategy)
    assert peers is not None
    own = peers.index
    arrays, about = peers.once("made", lambda: ({"x": np.full(300_000, own + 7.0)}, [own]))
    gathered = peers.gathered("parts", {"part": np.arange(own + 2)}, own)
    return {
        "index": own,
        "chief": peers.is_chief,
        "addresses": peers.addresses,
        "exchange": peers.exchange("greeting", f"I am {own}"),
        "once": [float(arrays["x"].sum()), arrays["x"].shape[0], about],
        "refused once": refused(lambda: peers.once("failed", failing)),
        "broken once": refused(lambda: peers.once("broken", broken)),
        "same": refused(lambda: peers.require_same({"formula": "bce", "rows": 3})),
        "other": refused(lambda: peers.require_same({"formula": "bce", "rows": 3 + own})),
        "gathered": [[part["part"].tolist(), of] for part, of in gathered],
        "no signal": peers.together(None, False),
        "signal at 1": peers.together(15 if own == 1 else None, False),
        "due at the chief": peers.together(None, own == 0),
        "due elsewhere": peers.together(None, own == 1),
        "gone": peers.gone(),
    }


def teachers(strategy: Any) -> dict[str, Any]:
    """A training whose teacher counts how often it is fitted; its predictions at each worker."""
    fitted = []

    class Counting(LinearRegression):
        def fit(self, x, y, sample_weight=None):
            fitted.append(len(x))
            return super().fit(x, y, sample_weight)

    result = tfloss.fit(
        "mse + mse(prediction, teacher)",
        data(),
        "mlp:4",
        teacher=Counting(),
        epochs=1,
        teacher_fit="train",
        strategy=strategy,
        on_progress=None,
    )
    predicted = result.teachers["teacher"].predictions_train
    return {"fits": len(fitted), "predicted": np.asarray(predicted).ravel().tolist()}


def different(strategy: Any, what: str) -> str:
    """What `tfloss.fit` says where the second worker is to train something else."""
    other = peers_of(strategy).index == 1  # type: ignore[union-attr]
    rows = 22 if other and what == "rows" else 23
    formula = "mae" if other and what == "formula" else "mse"
    seed = 1 if other and what == "seed" else 0
    return refused(
        lambda: tfloss.fit(
            formula, data(rows), "mlp:4", epochs=1, seed=seed, strategy=strategy, on_progress=None
        )
    )


def checkpoints(strategy: Any, folder: str) -> dict[str, Any]:
    """A training with checkpoints, then the same gone on with; who wrote, and what came of it."""
    peers: Peers = peers_of(strategy)  # type: ignore[assignment]
    found = []
    for epochs in (2, 2):
        result = tfloss.fit(
            "mse",
            data(),
            "mlp:4",
            epochs=epochs,
            checkpoint=folder,
            checkpoint_every="1epochs",
            resume=True,
            strategy=strategy,
            on_progress=None,
        )
        found.append([v.numpy().tolist() for v in result.student.model.weights])
        peers.exchange("trained", "")
    return {"same": found[0] == found[1], "weights": found[0]}


def refused(act: Callable[[], object]) -> str:
    """The kind and the sentence of an error, '' where there is none."""
    try:
        act()
    except (TflossError, ZeroDivisionError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def broken() -> Any:
    raise ZeroDivisionError("no chief of ours")


def failing() -> Any:
    raise DataError("The chief has no data.")
