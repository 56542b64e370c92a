"""Errors that a person can act on: one sentence, and the exit code that a shell script can read."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MOST_NAMES = 24  # in one sentence


class TflossError(Exception):
    """Base of every error that tfloss raises on purpose.

    The message is one sentence: what was wrong, where, and what to do. The command line prints it
    without a traceback and leaves with `exit_code`.
    """

    exit_code = 1


class UsageError(TflossError):
    """The request cannot be carried out as written: unknown name, wrong setting, missing option."""

    exit_code = 2


class NumericsError(TflossError):
    """A loss, a gradient or a weight stopped being a finite number."""

    exit_code = 3


class DataError(TflossError):
    """The data, or what a teacher made of them, cannot be used."""

    exit_code = 4


class OneClassError(DataError):
    """All rows that would train belong to one class."""


class PluginError(TflossError):
    """A plugin failed or broke its contract; the message names its distribution."""

    exit_code = 5


class WorkerError(TflossError):
    """A device or another process of the same training failed."""

    exit_code = 6


class Interrupted(KeyboardInterrupt):
    """Stopped by Ctrl-C or SIGTERM; the work so far is saved.

    Args:
        message: the sentence.
        signal_number: of the signal.

    Attributes:
        exit_code: 128 and the signal's number: 130 after Ctrl-C.
    """

    def __init__(self, message: str, signal_number: int = 2) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number


def message_of(error: object) -> str:
    """The text of an exception that may be a plugin's, whose text can fail too."""
    try:
        return str(error)
    except KeyboardInterrupt:
        raise
    except BaseException as failed:
        return f"its message cannot be shown ({type(failed).__name__})"


def first_line(error: object) -> str:
    """The first line of an error's message, to stand inside of a sentence."""
    return message_of(error).strip().partition("\n")[0]


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """Return ' Did you mean "x"?' for the nearest candidates, or '' when nothing is near."""
    lowered = {candidate.lower(): candidate for candidate in candidates}
    near = get_close_matches(name.lower(), lowered, n=3, cutoff=0.6)
    if not near:
        return ""
    return f" Did you mean {' or '.join(repr(lowered[match]) for match in near)}?"


def listed(names: Iterable[str]) -> str:
    """Join names for a sentence, sorted: 'a, b, c', or 'none' when there are none."""
    return some_of(sorted(names))


def some_of(names: Iterable[str]) -> str:
    """The same in the order given; of many names the first, and how many more there are."""
    names = list(names)
    more = len(names) - MOST_NAMES
    said = names if more <= 1 else [*names[:MOST_NAMES], f"and {more} more"]
    return ", ".join(said) or "none"
