"""Which of a search's trials a worker runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tfloss.cluster.peers import Peers

Made = TypeVar("Made")


@dataclass(frozen=True)
class Share:
    """The trials of one worker, dealt out like cards.

    Attributes:
        trials: of the whole search.
        numbers: of its own, counted through the whole search: no two workers have one in common.
        divided: whether there are other workers.
    """

    trials: int
    numbers: range
    divided: bool

    @classmethod
    def of(cls, peers: Peers | None, done: int, trials: int) -> Share:
        """What is left of a search.

        Args:
            peers: the workers; None: this process does all.
            done: how many trials are finished, as the chief sees it.
            trials: of the whole search.
        """
        if peers is None:
            return cls(trials, range(done, trials), False)
        done = int(peers.exchange("done", str(done))[0])
        return cls(trials, range(done + peers.index, trials, len(peers.addresses)), True)


def in_turn(peers: Peers | None, act: Callable[[], Made]) -> Made:
    """What the chief does first, and the others when it has."""
    if peers is None:
        return act()
    if not peers.is_chief:
        peers.exchange("turn", "", None)
        return act()
    done = act()
    peers.exchange("turn", "", None)
    return done
