"""The named tensors that a formula can see.

A scope holds no tensor: it knows names, shapes and origins, so that a formula can be checked
against it before anything is computed, and for the larger part before TensorFlow is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tfloss.errors import did_you_mean, some_of
from tfloss.formula import quoted

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Entry:
    """One name of a scope.

    Attributes:
        name: what a formula calls it.
        origin: where it comes from, for people: 'student layer', 'teacher gpc', 'data'.
        shape: its shape, None for the batch axis; None where not yet known.
        compute: for a tensor that follows from others: from the view of tensors to the tensor.
        varies_per_example: whether its first axis is the batch.
        known_outside: whether it exists without the student (labels, columns, teachers), so that a
            formula may also multiply a loss by it.
        unclear: the sentence that refuses it where two things have its name.
    """

    name: str
    origin: str
    shape: Shape | None = None
    compute: Callable[[Mapping[str, Any]], Any] | None = None
    varies_per_example: bool = True
    known_outside: bool = False
    unclear: str = ""


class Scope(Mapping[str, Entry]):
    """Names and their entries, in the order in which they were added.

    Args:
        entries: the named tensors.
        weights: paths of the student's trainable weights, 'hidden1/kernel', for patterns.
        open_ended: True while the student's layers are not yet known; unknown names then pass.
        weights_known: False while the weights are not yet known; every pattern then passes.
    """

    def __init__(
        self,
        entries: Iterable[Entry] = (),
        *,
        weights: Iterable[str] = (),
        open_ended: bool = False,
        weights_known: bool = True,
    ) -> None:
        self._entries = {entry.name: entry for entry in entries}
        self.weights = tuple(weights)
        self.open_ended = open_ended
        self.weights_known = weights_known

    def __getitem__(self, name: str) -> Entry:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __or__(self, other: Scope) -> Scope:
        """Both scopes; a name of `other` replaces one of this."""
        return Scope(
            {**self._entries, **other._entries}.values(),
            weights=self.weights + other.weights,
            open_ended=self.open_ended or other.open_ended,
            weights_known=self.weights_known and other.weights_known,
        )

    def matching_weights(self, pattern: str) -> list[str]:
        """Paths of weights that a pattern names.

        'weights' or '*' name all; 'hidden1' the weights of that layer; 'hidden1.kernel' or
        'hidden1/kernel' one of them; '*' and '?' stand for any characters.
        """
        if pattern == "weights":
            return list(self.weights)
        path = pattern.replace(".", "/")
        return [
            weight
            for weight in self.weights
            if fnmatchcase(weight, path) or weight.startswith(path + "/")
        ]

    def missing(self, name: str) -> str:
        """The sentence that says that a name is not there, and which are."""
        near = did_you_mean(name, self)
        return f"there is no tensor '{name}'.{near}{self._quotes(name)} There are: {self.names}."

    def _quotes(self, name: str) -> str:
        """What is read as a name's beginning may be all of a name that needs quotes."""
        longer = [other for other in self if other.startswith(name) and quoted(other) != other]
        return f" In a formula it stands in quotes: mse({quoted(longer[0])}, …)." if longer else ""

    @property
    def names(self) -> str:
        """The names for a sentence, in the order of the scope; not all where there are many."""
        return some_of(self)


class Tensors(Mapping[str, Any]):
    """The tensors of one batch by name; those that follow from others are computed when asked for.

    Args:
        given: tensors at hand. `weights` is a mapping from path to variable.
        scope: knows how to compute the others.
    """

    def __init__(self, given: Mapping[str, Any], scope: Scope) -> None:
        self._known = dict(given)
        self._scope = scope

    def __getitem__(self, name: str) -> Any:
        if name not in self._known:
            compute = self._scope[name].compute
            if compute is None:
                raise KeyError(name)
            self._known[name] = compute(self)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)
