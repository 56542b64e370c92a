"""The workers of a training, as one of them sees them.

All of them run the same program, so that the n-th thing that one asks for is the n-th of all.
"""

from __future__ import annotations

import contextlib
import io
import json
import signal
import time
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import numpy as np

from tfloss.cluster.coordination import GoneError, answers, get_value, set_value
from tfloss.cluster.differences import require_same
from tfloss.errors import (
    DataError,
    NumericsError,
    PluginError,
    TflossError,
    UsageError,
    WorkerError,
)
from tfloss.lazy import tf

Arrays = tuple[dict[str, np.ndarray], Any]  # and what is said about them, as JSON has it

_KINDS = {
    kind.__name__: kind
    for kind in (UsageError, DataError, NumericsError, PluginError, WorkerError, TflossError)
}
_MEETING = 300.0  # seconds within which all must have come as far as the first of them
_CHECK_EVERY = 10.0  # seconds, of one that is waited for
_ANSWER_SECONDS = 5.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_calls = count()  # of this process


class Peers:
    """The workers of a `MultiWorkerMirroredStrategy`; see `peers_of`.

    Attributes:
        addresses: of all, the chief's first.
        index: of this process.
    """

    def __init__(self, strategy: Any) -> None:
        resolver = strategy.cluster_resolver
        jobs = resolver.cluster_spec().as_dict()
        order = sorted(jobs)  # a chief stands before workers
        self.addresses = [address for job in order for address in jobs[job]]
        before = order[: order.index(resolver.task_type)]
        self.index = int(sum(len(jobs[job]) for job in before) + resolver.task_id)

        def summed(values: Any) -> Any:
            return strategy.reduce("SUM", strategy.run(tf.identity, (values,)), axis=None)

        self._summed = tf.function(summed)

    @property
    def is_chief(self) -> bool:
        return self.index == 0

    @property
    def others(self) -> list[int]:
        return [number for number in range(len(self.addresses)) if number != self.index]

    def name(self, index: int) -> str:
        """'worker 1 (10.0.0.2:2222)'."""
        return f"worker {index} ({self.addresses[index]})"

    # -- what all do together --------------------------------------------------------------------

    def exchange(self, topic: str, text: str, seconds: float | None = _MEETING) -> list[str]:
        """The texts of all workers; each hands in its own.

        Raises:
            WorkerError: one is gone, or did not come as far within so many seconds.
        """
        key = _next_key(topic)
        self._set(f"{key}/{self.index}", text.encode())
        every = range(len(self.addresses))
        return [self._heard(f"{key}/{one}", one, seconds).decode() for one in every]

    def require_same(self, what: Mapping[str, Any], seconds: float | None = _MEETING) -> None:
        """Refuse workers that are to train something else than the chief.

        Args:
            what: as JSON has it; it must be the same everywhere.
            seconds: within which all must ask.

        Raises:
            UsageError: at all workers, with what differs where.
        """
        texts = self.exchange("same", json.dumps(what, sort_keys=True, default=str), seconds)
        require_same([json.loads(text) for text in texts], self.name)

    def once(self, topic: str, make: Callable[[], Arrays]) -> Arrays:
        """What the chief makes; the others wait for it, and read it.

        Raises:
            TflossError: what the chief raised, at all workers.
        """
        key = _next_key(topic)
        if self.is_chief:
            try:
                made = make()
            except Exception as error:
                self._set(key, _packed({}, _told(error)))
                raise
            self._set(key, _packed(made[0], {"made": made[1]}))
            return made
        arrays, about = _unpacked(self._heard(key, 0, None))
        if "error" in about:
            raise _KINDS[about["kind"]](about["error"])
        return arrays, about["made"]

    def gathered(self, topic: str, arrays: Mapping[str, np.ndarray], about: Any) -> list[Arrays]:
        """At the chief what all workers hand in; [] at the others, which do not wait."""
        key = _next_key(topic)
        if not self.is_chief:
            self._set(f"{key}/{self.index}", _packed(arrays, about))
            return []
        parts = [_unpacked(self._heard(f"{key}/{one}", one, None)) for one in self.others]
        return [(dict(arrays), about), *parts]

    def together(self, signal_number: int | None, due: bool) -> tuple[int | None, bool]:
        """Whether a signal came to any worker, and whether the chief wants to save.

        One collective, which all workers must join: the answer is the same for all, and for the
        same step.
        """
        wanted = [float(signal_number == one) for one in _SIGNALS] + [float(due and self.is_chief)]
        sums = self._summed(tf.constant(wanted)).numpy()
        first = next((int(one) for one, n in zip(_SIGNALS, sums, strict=False) if n > 0), None)
        return first, bool(sums[-1] > 0)

    def finish(self) -> None:
        """Wait until all are finished, so that nobody's end is taken for a death."""
        key = "tfloss/finished"
        try:
            set_value(f"{key}/{self.index}", b"")
            for one in self.others:
                self._heard(f"{key}/{one}", one, None)
        except (GoneError, WorkerError):
            if self.is_chief:
                raise
            # Whoever was finished first has left.

    def is_finished(self, index: int) -> bool:
        """Whether a worker said that it has nothing left to do."""
        return get_value(f"tfloss/finished/{index}", 0.0) is not None

    def leave(self, reason: str) -> None:
        """Tell the others why this worker ends before its work is done."""
        with contextlib.suppress(GoneError):
            set_value(f"tfloss/left/{self.index}", reason.encode())

    # -- where one is lost -----------------------------------------------------------------------

    def gone(self) -> list[int]:
        """Those of the others that do not answer."""
        return [one for one in self.others if not answers(one, _ANSWER_SECONDS)]

    def lost(self, gone: list[int], why: str = "") -> WorkerError:
        """The error of a worker that lost others; `why`: where nobody is known to be gone."""
        reasons = [self._reason(one) for one in range(len(self.addresses))]
        named = [n for n, reason in enumerate(reasons) if reason and n != self.index] or gone
        if not named:
            return WorkerError(f"{_capital(self.name(self.index))} lost the others: {why}.")
        first = named[0]
        reason = f"ended: {reasons[first]}" if reasons[first] else "does not answer any more."
        return WorkerError(f"{_capital(self.name(first))} {reason}")

    def _reason(self, index: int) -> str:
        try:
            value = get_value(f"tfloss/left/{index}", 0.0)
        except GoneError:
            return ""
        return "" if value is None else value.decode()

    def _set(self, key: str, value: bytes) -> None:
        try:
            set_value(key, value)
        except GoneError as error:
            raise self.lost(self.gone(), str(error)) from error

    def _heard(self, key: str, of: int, seconds: float | None) -> bytes:
        """What another worker says; an error where it is gone, or says nothing for so long."""
        deadline = None if seconds is None else time.monotonic() + seconds
        silent = 0
        while True:
            try:
                value = get_value(key, _CHECK_EVERY if seconds is None else min(seconds, 10.0))
            except GoneError as error:
                raise self.lost(self.gone(), str(error)) from error
            if value is not None:
                return value
            silent = 0 if answers(of, _ANSWER_SECONDS) else silent + 1
            if silent > 1:
                raise self.lost([of])
            if deadline is not None and time.monotonic() > deadline:
                raise WorkerError(
                    f"{_capital(self.name(of))} has not come as far as the others within "
                    f"{seconds:.0f} s; see its log."
                )


def peers_of(strategy: Any) -> Peers | None:
    """The workers of a strategy; None where there is only this process.

    Args:
        strategy: of `tf.distribute`, or None.
    """
    if strategy is None:
        return None
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return None
    peers = Peers(strategy)
    return peers if len(peers.addresses) > 1 else None


def _next_key(topic: str) -> str:
    return f"tfloss/{next(_calls)}/{topic}"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _told(error: Exception) -> dict[str, str]:
    """What the others raise where the chief raised this."""
    for kind in type(error).__mro__:
        if kind.__name__ in _KINDS:
            return {"error": str(error), "kind": kind.__name__}
    said = f"{type(error).__name__}: {error}".partition("\n")[0]
    return {"error": f"The chief failed ({said}); see its traceback.", "kind": "WorkerError"}


def _packed(arrays: Mapping[str, np.ndarray], about: Any) -> bytes:
    file = io.BytesIO()
    text = json.dumps(about, default=lambda number: number.item())
    named: dict[str, Any] = {f"+{name}": values for name, values in arrays.items()}
    np.savez(file, **{**named, ":about": np.array(text)})
    return file.getvalue()


def _unpacked(value: bytes) -> Arrays:
    with np.load(io.BytesIO(value), allow_pickle=False) as archive:
        about = json.loads(str(archive[":about"]))
        return {n[1:]: archive[n] for n in archive.files if n.startswith("+")}, about
