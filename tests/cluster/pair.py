"""What one of two workers does in `test_peers.py`: each step once, and what came of it.

python -m tests.cluster.pair FOLDER
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np

from tfloss.cluster.peers import peers_of
from tfloss.cluster.strategy import make_strategy
from tfloss.cluster.surroundings import surrounding_cluster
from tfloss.cluster.watch import Watch
from tfloss.errors import DataError, TflossError


def main(folder: Path) -> None:
    cluster = surrounding_cluster(os.environ)
    peers = peers_of(make_strategy(cluster, None))
    own = peers.index
    steps = {}
    steps["addresses"] = peers.addresses == list(cluster.addresses)
    steps["exchange"] = peers.exchange("greeting", f"I am {own}")
    arrays, about = peers.once("made", lambda: ({"x": np.full((300_000,), own + 7.0)}, [own]))
    steps["once"] = [float(arrays["x"].sum()), arrays["x"].shape[0], about]
    steps["refused once"] = refused(lambda: peers.once("failed", failing))
    steps["same"] = refused(lambda: peers.require_same({"formula": "bce", "rows": 3}))
    steps["other"] = refused(lambda: peers.require_same({"formula": "bce", "rows": 3 + own}))
    gathered = peers.gathered("parts", {"part": np.arange(own + 2)}, own)
    steps["gathered"] = [[part["part"].tolist(), of] for part, of in gathered]
    steps["no signal"] = peers.together(None, False)
    steps["signal at 1"] = peers.together(15 if own == 1 else None, False)
    steps["due at the chief"] = peers.together(None, own == 0)
    steps["due elsewhere"] = peers.together(None, own == 1)
    (folder / f"steps-{own}.json").write_text(json.dumps(steps))
    with Watch(peers, lambda: "The last step was 3."):
        peers.exchange("written", "")
        (folder / f"pid-{own}.tmp").write_text(str(os.getpid()))
        (folder / f"pid-{own}.tmp").rename(folder / f"pid-{own}")
        sys.stdin.read()  # until one of them is killed, or the test ends


def failing():
    raise DataError("The chief has no data.")


def refused(act) -> str:
    try:
        act()
    except TflossError as error:
        return f"{type(error).__name__}: {error}"
    return ""


if __name__ == "__main__":
    main(Path(sys.argv[1]))
