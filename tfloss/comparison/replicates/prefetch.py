"""Work that is begun some turns before it is needed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def prefetch(things: Iterable[T], begin: Callable[[T], object], count: int) -> Iterator[T]:
    """The same things in the same order, each begun when at most `count` are before it."""
    waiting: deque[T] = deque()
    for thing in things:
        begin(thing)
        waiting.append(thing)
        if len(waiting) > count:
            yield waiting.popleft()
    yield from waiting
