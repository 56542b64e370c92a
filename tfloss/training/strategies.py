"""Which `tf.distribute` strategy a training is under: a given one, or whose scope counts."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from tfloss.cluster.peers import Peers, peers_of
from tfloss.errors import UsageError
from tfloss.lazy import tf
from tfloss.training.program.replication import Replication, strategy_of


def replication_of(strategy: Any | None, model: Any, gather: bool = True) -> Replication | None:
    """How the steps of a training are spread; None: one device.

    Args:
        strategy: a `tf.distribute.Strategy`; default: the one whose scope this is called in, else
            the one that the model was built under.
        model: a Keras model; a text, or a function that builds one, says nothing.
        gather: whether losses about the whole batch see the rows of all replicas.

    Raises:
        UsageError: this kind of strategy is not known here, or two different ones are asked for.
    """
    built = getattr(getattr(model, "model", model), "variables", None)
    if strategy is None and "tensorflow" not in sys.modules:
        return None
    current = tf.distribute.get_strategy() if tf.distribute.has_strategy() else None
    if strategy is not None:
        _refuse_other(strategy)
        if current is not None and current is not strategy:
            raise UsageError(
                f"strategy= is a {type(strategy).__name__}, but this is called in the scope of "
                f"another, a {type(current).__name__}; leave one of them out."
            )
    found = strategy or current or (strategy_of(built) if built else None)
    if found is None:
        return None
    _refuse_other(found)
    return Replication(found, gather)


def scope_of(replication: Replication | None) -> AbstractContextManager[Any]:
    """Variables that are made meanwhile are those of all replicas."""
    return nullcontext() if replication is None else replication.strategy.scope()


def _refuse_other(strategy: Any) -> None:
    known = (
        tf.distribute.MirroredStrategy,
        tf.distribute.MultiWorkerMirroredStrategy,
        tf.distribute.TPUStrategy,
        tf.distribute.OneDeviceStrategy,
    )
    if not isinstance(strategy, known):
        raise UsageError(
            f"strategy={type(strategy).__name__} is not among those that tfloss trains under: "
            f"MirroredStrategy, MultiWorkerMirroredStrategy, TPUStrategy, OneDeviceStrategy."
        )


def workers_of(replication: Replication | None) -> Peers | None:
    """The processes of a training that is spread over several; None: there is only this one."""
    return None if replication is None else peers_of(replication.strategy)
